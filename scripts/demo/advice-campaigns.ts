import { chance } from "../../sandbox/chance.ts";
import { demoSeats } from "./performance.ts";

/** Campaigns of which it is known what could be bought for less. */
export interface AdviceCampaign {
  name: string;
  genre: string;
  /** Spent a day. */
  daily: number;
  price: number;
  geographies: readonly Part[];
  creatives: readonly (Part & { size: string })[];
  /** Of its impressions, how many are viewable. */
  viewable: number;
}

interface Part {
  id: string;
  share: number;
  /** Its price as a share of the campaign's. */
  at: number;
}

const part = (id: string, share: number, at = 1): Part => ({ id, share, at });
const creative = (id: string, size: string, share: number, at = 1) => ({ ...part(id, share, at), size });
const both = [part("BR", 0.6), part("IE", 0.4)];

function plain(name: string, genre: string, of: Partial<AdviceCampaign>): AdviceCampaign {
  const key = name.toLowerCase().replaceAll(" ", "-");
  return {
    ...{ name, genre, daily: 120, price: 0.5, viewable: 0.8 },
    geographies: [part("US", 0.6), part("GB", 0.4)],
    creatives: [
      creative(`${key}-1`, "300x250", 0.4),
      creative(`${key}-2`, "320x50", 0.35),
      creative(`${key}-3`, "300x600", 0.25),
    ],
    ...of,
  };
}

/** A puzzle that is dear in Ireland, where other genres are not. */
const puzzle = (name: string) => plain(name, "Puzzle", { geographies: [part("BR", 0.6), part("IE", 0.4, 3.5)] });

/** A shop that has the size which another shop lacks, at a good price. */
const shop = (name: string): AdviceCampaign => {
  const key = name.toLowerCase().replaceAll(" ", "-");
  return plain(name, "Shopping", {
    price: 0.6,
    geographies: [part("BR", 0.55), part("IE", 0.45)],
    creatives: [
      creative(`${key}-1`, "300x250", 0.4),
      creative(`${key}-2`, "320x50", 0.35),
      creative(`${key}-3`, "728x90", 0.25, 0.65),
    ],
  });
};

export const adviceCampaigns: readonly AdviceCampaign[] = [
  plain("Puzzle Game Brazil", "Puzzle", {
    daily: 350,
    geographies: [part("BR", 0.77), part("PT", 0.195), part("AO", 0.035, 0.6)],
  }),
  puzzle("Block Garden"),
  puzzle("Word Harbour"),
  plain("Finance Vertical Video", "Finance", { daily: 9, price: 0.2, geographies: both }),
  plain("Fashion E-commerce", "Shopping", { daily: 130 }),
  shop("Shoe Outlet"),
  shop("Dress Market"),
  shop("Bag Corner"),
  plain("Idle Farm", "Simulation", {
    daily: 600,
    geographies: both,
    creatives: [
      creative("idle-farm-1", "300x250", 0.5),
      creative("idle-farm-2", "320x50", 0.492),
      creative("idle-farm-3", "300x600", 0.008, 0.5),
    ],
  }),
  // Cheap, and seen by nobody.
  plain("Arcade Clicks", "Arcade", {
    daily: 350,
    viewable: 0.2,
    geographies: [part("US", 0.965), part("VN", 0.035, 0.5)],
  }),
  plain("Card Duel", "Strategy", { daily: 300, geographies: [part("DE", 0.965), part("PL", 0.035, 0.6)] }),
];

/** Whose advice is followed on the first of the days that the second file is about, and by how much its budget is raised. */
export const followed = { campaign: "Card Duel", geography: "PL", times: 5, dearer: 1.05 };

export const adviceSeat = demoSeats[0] ?? "";

const weekday = (day: string) => new Date(`${day}T00:00:00Z`).getUTCDay();

/** What the campaigns did on a day, as lines of ad performance. */
export function adviceLines(day: string, isFollowed: boolean): string[] {
  return adviceCampaigns.flatMap((campaign) =>
    campaign.geographies.flatMap((geography) =>
      campaign.creatives.flatMap((shown) => {
        const isRaised = isFollowed && campaign.name === followed.campaign && geography.id === followed.geography;
        const draw = (what: string) => chance("advice", shown.id, geography.id, day, what);
        const week = 1 + 0.2 * Math.sin((2 * Math.PI * weekday(day)) / 7);
        const spend =
          campaign.daily *
          geography.share *
          shown.share *
          week *
          (0.85 + 0.3 * draw("spend")) *
          (isRaised ? followed.times : 1);
        const price = campaign.price * geography.at * shown.at * (isRaised ? followed.dearer : 1);
        const clicks = Math.round((spend / price) * (0.85 + 0.3 * draw("clicks")));
        return [[shown.id, day, Math.round(spend * 400), clicks, spend.toFixed(2), geography.id, "mobile"].join(",")];
      }),
    ),
  );
}

/** What the quality report says of a day: how many of the impressions anybody could see. */
export function adviceQuality(day: string, isFollowed: boolean): string[] {
  const viewable = new Map(
    adviceCampaigns.flatMap((one) => one.creatives.map(({ id, size }) => [id, { size, share: one.viewable }])),
  );
  const sums = new Map<string, { impressions: number; spend: number }>();
  for (const line of adviceLines(day, isFollowed)) {
    const [id = "", , impressions, , spend] = line.split(",");
    const sum = sums.get(id) ?? { impressions: 0, spend: 0 };
    sums.set(id, { impressions: sum.impressions + Number(impressions), spend: sum.spend + Number(spend) });
  }
  return [...sums].map(([id, { impressions, spend }]) => {
    const { size = "", share = 0 } = viewable.get(id) ?? {};
    const measurable = Math.floor(impressions * 0.8);
    const written = `${Number(day.slice(5, 7))}/${Number(day.slice(8))}/${day.slice(2, 4)}`;
    return [
      ...[written, "advice", adviceSeat, id, size.replace("x", " x "), "HTML", impressions, impressions],
      ...[`$${spend.toFixed(2)}`, Math.floor(measurable * share), measurable],
    ].join(",");
  });
}
