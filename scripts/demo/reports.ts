import { groupBy } from "../../core/group-by.ts";
import { apportion } from "../../sandbox/apportion.ts";
import { chance } from "../../sandbox/chance.ts";
import { seats } from "../../sandbox/data/creatives.ts";
import {
  correctedCreatives,
  correctedDays,
  correctedLine,
  demoCreatives,
  performanceLines,
  type DemoCreative,
} from "./performance.ts";
import type { DemoFile } from "./upload.ts";

/** Reports cover so many days. */
const reportedDays = 14;
const countryNames = new Intl.DisplayNames("en", { type: "region" });
/** Countries that ask and get no bid: a day's requests. */
const unwanted = { ID: 180_000, VN: 14_000 } as const;
const publisherWords = ["Evening Post", "Puzzle Garden", "Weather Now", "Score Live", "Kitchen Tales", "Road Atlas"];
const publishers = publisherWords.flatMap((word, at) =>
  ["Daily", "Mobile", "World", "Plus", "Kids"].map((kind, of) => ({
    id: `pub-7311${at}${of}`,
    name: `${word} ${kind}`,
    weight: 1 + 9 * chance("publisher", word, kind) ** 2,
    // One asks much and gets no bid, one wins hardly an auction.
    takes: at === 1 && of === 4 ? 0 : 1,
    wins: at === 3 && of === 0 ? 0.05 : 1,
  })),
);
const invalidPublisher = "pub-731123";
const hourWeights = Array.from({ length: 24 }, (_, hour) => 1 + Math.sin(((hour - 9) / 24) * 2 * Math.PI) * 0.7);
const reasons = [
  "Creative not approved",
  "Bid below the minimum bid",
  "Landing page not declared",
  "Category excluded",
];
/** What is asked for, by weight; creatives of some are rare, and of some there are none. */
const askedSizes = {
  "300x250": 30,
  "320x50": 22,
  "728x90": 12,
  Interstitial: 9,
  "300x600": 6,
  "160x600": 5,
  "970x250": 4,
  "336x280": 3,
  "301x251": 2,
  "468x60": 2,
  "250x250": 1.5,
  "480x320": 1.5,
  Video: 1,
  "500x500": 0.6,
  "88x31": 0.004,
};

interface Shown {
  creative: DemoCreative;
  day: string;
  country: string;
  impressions: number;
  clicks: number;
  spend: string;
  won: number;
  inAuction: number;
  bids: number;
}

/** What creatives did, as files of ad performance say it in the end, and what came before an impression. */
function shownOn(days: readonly string[], lastDays: readonly string[]): Shown[] {
  const all = demoCreatives();
  return days.flatMap((day) =>
    all.flatMap((creative, at) => {
      const lines = performanceLines(creative, day);
      const isCorrected = at < correctedCreatives && lastDays.includes(day);
      return (isCorrected ? lines.map(correctedLine) : lines).map((text) => {
        const [, , impressions, clicks, spend = "", country = ""] = text.split(",");
        const count = Number(impressions);
        const won = Math.ceil(count / 0.93);
        const inAuction = Math.ceil(won / (0.06 + 0.4 * chance("win", creative.buyerId, country)));
        const bids = Math.ceil(inAuction * (1.02 + 0.1 * chance("filtered", country, day)));
        return { creative, day, country, impressions: count, clicks: Number(clicks), spend, won, inAuction, bids };
      });
    }),
  );
}

const counts = ["requests", "matches", "responses", "bids", "inAuction", "won", "impressions", "clicks"] as const;
type Funnel = Record<(typeof counts)[number], number>;

/** The way to an impression of one seat in one country on one day. */
function funnelOf(shown: readonly Shown[], country: string, day: string): Funnel {
  const sum = (of: (one: Shown) => number) => shown.reduce((total, one) => total + of(one), 0);
  const bids = sum((one) => one.bids);
  const usual = (unwanted as Record<string, number>)[country];
  const requests =
    usual === undefined
      ? Math.ceil(bids * (4 + 60 * chance("requests", country)))
      : Math.ceil(usual * (0.9 + 0.2 * chance("unwanted", country, day)));
  return {
    requests,
    matches: Math.ceil(requests * (1.5 + 6 * chance("matches", country))),
    responses: Math.floor(requests * (0.96 + 0.03 * chance("responses", country, day))),
    bids,
    inAuction: sum((one) => one.inAuction),
    won: sum((one) => one.won),
    impressions: sum((one) => one.impressions),
    clicks: sum((one) => one.clicks),
  };
}

/** Each count in parts that add up to it. */
function split(funnel: Funnel, weightsOf: (count: keyof Funnel) => readonly number[]): Funnel[] {
  const parts = Object.fromEntries(
    counts.map((count) => [count, apportion(funnel[count], weightsOf(count))]),
  ) as Record<keyof Funnel, number[]>;
  return parts.requests.map(
    (_, at) => Object.fromEntries(counts.map((count) => [count, parts[count][at] ?? 0])) as Funnel,
  );
}

const written = (day: string) => `${Number(day.slice(5, 7))}/${Number(day.slice(8))}/${day.slice(2, 4)}`;
const named = (country: string) => countryNames.of(country) ?? country;
const seatColumn = "Buyer account ID";

interface SeatDay {
  buyerId: string;
  day: string;
  funnels: { country: string; funnel: Funnel }[];
}

/** The reports that a buyer exports, of the last days, and the bidder's own traffic; all of one made-up world. */
export function reportFiles(days: readonly string[]): DemoFile[] {
  const reported = days.slice(-reportedDays);
  const shown = shownOn(reported, days.slice(-correctedDays));
  const bySeatAndDay = groupBy(shown, ({ creative, day }) => `${creative.buyerId}/${day}`);
  const seatDays = seats.flatMap(({ buyerId }) =>
    reported.map((day): SeatDay => {
      const byCountry = groupBy(bySeatAndDay.get(`${buyerId}/${day}`) ?? [], ({ country }) => country);
      const countries = [...byCountry.keys(), ...Object.keys(unwanted)].sort();
      const funnels = countries.map((country) => ({
        country,
        funnel: funnelOf(byCountry.get(country) ?? [], country, day),
      }));
      return { buyerId, day, funnels };
    }),
  );
  const period = [...new Set([reported[0], reported.at(-1)])].join("-to-");
  const ofCreatives = { bidsinauction: bidsOf(shown), quality: qualityOf(shown) };
  const ofDays = {
    "pipeline-geo": countriesOf(seatDays),
    "pipeline-publisher": publishersOf(seatDays),
    "bid-filtering": filteringOf(seatDays),
    "invalid-traffic": invalidOf(seatDays),
    traffic: trafficOf(seatDays),
  };
  return Object.entries({ ...ofDays, ...ofCreatives }).map(([what, file]) => ({
    name: `demo-${what}-${period}.csv`,
    ...file,
  }));
}

type Table = Omit<DemoFile, "name">;

const countriesOf = (seatDays: readonly SeatDay[]): Table => ({
  header: `#Day,Country,Hour,${seatColumn},Bid requests,Inventory matches,Successful responses,Bids,Bids in auction,Auctions won,Impressions,Clicks`,
  lines: seatDays.flatMap(({ buyerId, day, funnels }) =>
    funnels.flatMap(({ country, funnel }) =>
      split(funnel, () => hourWeights).map((part, hour) =>
        [written(day), named(country), hour, buyerId, ...counts.map((count) => part[count])].join(","),
      ),
    ),
  ),
});

const publishersOf = (seatDays: readonly SeatDay[]): Table => ({
  header: `#Day,${seatColumn},Publisher ID,Publisher name,Bid requests,Inventory matches,Successful responses,Bids,Bids in auction,Auctions won,Impressions,Clicks`,
  lines: seatDays.flatMap(({ buyerId, day, funnels }) => publisherLines(buyerId, day, total(funnels))),
});

const bidsOf = (shown: readonly Shown[]): Table => ({
  header: `#Day,Country,Creative ID,${seatColumn},Bids in auction,Auctions won,Bids,Reached queries,Impressions,Spend (buyer currency),Spend (bidder currency)`,
  lines: shown.map(({ creative, day, country, impressions, spend, won, inAuction, bids }) =>
    [
      ...[written(day), named(country), creative.creativeId, creative.buyerId, inAuction, won, bids],
      ...[Math.ceil(impressions * 1.3), impressions, `$${spend}`, `$${spend}`],
    ].join(","),
  ),
});

export const qualityHeader = `#Day,Billing ID,${seatColumn},Creative ID,Creative size,Creative format,Reached queries,Impressions,Spend (buyer currency),Active view viewable,Active view measurable`;

const qualityOf = (shown: readonly Shown[]): Table => ({
  header: qualityHeader,
  lines: shown.map(({ creative, day, impressions, spend }) => {
    const { buyerId, creativeId, size, format } = creative;
    const [billingId = ""] = seats.find((seat) => seat.buyerId === buyerId)?.billingIds ?? [];
    const measurable = Math.floor(impressions * 0.82);
    const viewable = Math.floor(measurable * (0.35 + 0.4 * chance("viewable", size)));
    return [
      ...[written(day), billingId, buyerId, creativeId, size, format, Math.ceil(impressions * 1.3), impressions],
      ...[`$${spend}`, viewable, measurable],
    ].join(",");
  }),
});

const filteringOf = (seatDays: readonly SeatDay[]): Table => ({
  header: `#Day,Country,${seatColumn},Bid filtering reason,Bids`,
  lines: seatDays.flatMap(({ buyerId, day, funnels }) =>
    funnels.flatMap(({ country, funnel }) =>
      apportion(funnel.bids - funnel.inAuction, [5, 3, 1.5, 0.5]).flatMap((bids, at) =>
        bids === 0 ? [] : [[written(day), named(country), buyerId, reasons[at], bids].join(",")],
      ),
    ),
  ),
});

const trafficOf = (seatDays: readonly SeatDay[]): Table => ({
  header: "timestamp,buyer_id,size,format,geo,device_type,requests,seconds",
  lines: seatDays.flatMap(({ buyerId, day, funnels }) =>
    apportion(total(funnels).requests, Object.values(askedSizes)).map((requests, at) => {
      const size = Object.keys(askedSizes)[at] ?? "";
      return [`${day}T00:00:00Z`, buyerId, size, size === "Video" ? "VIDEO" : "HTML", "", "", requests, 86_400].join(
        ",",
      );
    }),
  ),
});

function total(funnels: readonly { funnel: Funnel }[]): Funnel {
  return Object.fromEntries(
    counts.map((count) => [count, funnels.reduce((sum, { funnel }) => sum + funnel[count], 0)]),
  ) as Funnel;
}

/** Of one publisher an eighth is invalid, of the others hardly any. */
const invalidOf = (seatDays: readonly SeatDay[]): Table => ({
  header: `#Day,${seatColumn},Publisher ID,Publisher name,Impressions,IVT credited impressions,Pre-filtered impressions,Billed impressions`,
  lines: seatDays.flatMap(({ buyerId, day, funnels }) =>
    byPublisher(total(funnels)).map(({ impressions }, at) => {
      const { id, name } = publishers[at] ?? { id: "", name: "" };
      const share = id === invalidPublisher ? 0.125 : 0.002 + 0.02 * chance("invalid", id, day);
      const invalid = Math.floor(impressions * share);
      return [
        ...[written(day), buyerId, id, name, impressions, invalid],
        ...[Math.floor(invalid * 0.3), impressions - invalid],
      ].join(",");
    }),
  ),
});

function publisherLines(buyerId: string, day: string, funnel: Funnel): string[] {
  return byPublisher(funnel).map((part, at) => {
    const { id, name } = publishers[at] ?? { id: "", name: "" };
    return [written(day), buyerId, id, name, ...counts.map((count) => part[count])].join(",");
  });
}

function byPublisher(funnel: Funnel): Funnel[] {
  const weightsOf = (count: keyof Funnel) =>
    publishers.map(({ weight, takes, wins }) => {
      if (count === "requests" || count === "matches" || count === "responses") return weight;
      return count === "bids" || count === "inAuction" ? weight * takes : weight * takes * wins;
    });
  return split(funnel, weightsOf);
}
