import fc from "fast-check";
import { addDays } from "../core/days.ts";
import { fromMicros } from "../core/money.ts";
import {
  comparedWith,
  dimensions,
  metrics,
  question,
  subjects,
  weekdays,
  type Dimension,
  type QuestionInput,
} from "../rules/intelligence/question.ts";
import type { TestDatabase } from "./database.ts";
import type { PlainCreative, PlainRow } from "./plain-question.ts";

export const last = "2026-03-20";
export const asker = { client: "713", today: addDays(last, 1) };
const countries = ["BR", "IN", "DE", ""];
const devices = ["mobile", "desktop", ""];
const placements = ["top", "x' or true --", ""];
export const stores = [
  "https://apps.apple.com/us/app/x/id123456789",
  "https://play.google.com/store/apps/details?id=a.b",
  null,
];
const names = ["Kettle", "Robert'); drop table rtb.campaigns;--", "Drop Frenzy", "Quiet"];
const genres = ["Puzzle", "Puzzle", "Finance", null];

/** The same numbers on every run: a draw from 0 to 1. */
function draws(seed: number): () => number {
  let state = seed * 7919;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** Campaigns, creatives and rows of a client, a few of each kind. */
export async function fillQuestionWorld(database: TestDatabase, client: string, seed: number): Promise<PlainRow[]> {
  const draw = draws(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(draw() * items.length)] as Item;
  const { rows: made } = await database.pool.query<{ id: string; name: string }>(
    `insert into rtb.campaigns (_client_id, campaign_name, genre, origin) select $1, n, g, 'real' from unnest($2::text[], $3::text[]) u(n, g)
     returning campaign_id::text as id, campaign_name as name`,
    [client, names, genres],
  );
  const campaigns = made.map(({ id, name }, at) => ({ id, name, genre: genres[at] ?? null }));
  const creatives: PlainCreative[] = [];
  for (let at = 0; at < 9; at += 1) {
    const store = stores[at % 3] ?? null;
    const one = {
      creativeId: `c${at}`,
      format: pick(["HTML", "VIDEO", null]),
      size: pick(["300x250 (Medium Rectangle)", "320x50", null]),
      seat: pick(["s1", "s2"]),
      advertiser: pick(["Acme", "Harbour", null]),
      os: store === null ? null : store.includes("apple") ? "ios" : "android",
      campaigns: campaigns.filter(() => draw() < 0.45),
    };
    const { rows: stored } = await database.pool.query<{ id: string }>(
      `insert into rtb.creatives (_client_id, id, creative_id, buyer_id, format, canonical_size, advertiser_name, declared_click_urls, origin)
       values ($1, $2, $3, $4, $5, $6, $7, $8, 'real') returning id::text`,
      // Both clients have the same numbers, as they may of creatives that are named by an exchange's.
      [
        client,
        1_000 + at,
        one.creativeId,
        one.seat,
        one.format,
        one.size,
        one.advertiser,
        store === null ? null : JSON.stringify([store]),
      ],
    );
    creatives.push({ ...one, id: stored[0]?.id ?? "" });
    for (const { id } of one.campaigns)
      await database.pool.query(
        "insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id) values ($1, $2, $3)",
        [...[client, id, stored[0]?.id]],
      );
  }
  const plain = new Map<string, PlainRow>();
  for (let at = 0; at < 700; at += 1) {
    const row = {
      creative: pick(creatives),
      date: addDays(last, -Math.floor(draw() * 24)),
      hour: pick([-1, 7, 23]),
      ...{ country: pick(countries), device: pick(devices), placement: pick(placements) },
      impressions: Math.floor(draw() * 3_000),
      clicks: draw() < 0.3 ? 0 : Math.floor(draw() * 60),
      spend: BigInt(Math.floor(draw() * 4_000_000)),
    };
    const { creative, date, hour, country, device, placement } = row;
    plain.set([creative.id, date, hour, country, device, placement].join("|"), row);
  }
  const all = [...plain.values()];
  await database.pool.query("select rtb.ensure_months($1::date[])", [all.map(({ date }) => date)]);
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
     select $1, u.*, 1 from unnest($2::bigint[], $3::date[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::numeric[]) u`,
    [
      client,
      all.map(({ creative }) => creative.id),
      ...(["date", "hour", "country", "device", "placement", "impressions", "clicks"] as const).map((name) =>
        all.map((row) => row[name]),
      ),
      all.map(({ spend }) => fromMicros(spend)),
    ],
  );
  return all;
}

const valuesOf: Record<Dimension, readonly string[]> = {
  country: countries.filter((one) => one !== ""),
  device: ["mobile", "desktop", "tablet"],
  placement: ["top", "x' or true --"],
  hour: ["7", "23", "0"],
  weekday: weekdays,
  creative: ["c0", "c1", "c2", "c5", "none"],
  format: ["HTML", "video"],
  size: ["300x250", "320x50"],
  seat: ["s1", "s2"],
  advertiser: ["acme", "Harbour"],
  os: ["ios", "android"],
  campaign: names.map((name) => name.toUpperCase()),
  genre: ["puzzle", "Finance"],
};

const condition = fc.constantFrom(...dimensions).chain((dimension) =>
  fc.record({
    dimension: fc.constant(dimension),
    is: fc.constantFrom("in" as const, "not_in" as const),
    values: fc.uniqueArray(fc.constantFrom(...valuesOf[dimension]), { minLength: 1, maxLength: 3 }),
  }),
);
const is = fc.constantFrom("above" as const, "below" as const);
const by = fc.oneof(
  fc.record({ percent: fc.constantFrom("0", "5", "50", "99.5") }),
  fc.record({ amount: fc.constantFrom("0", "0.01", "1", "0.125") }),
);
const compare = fc.constantFrom(...comparedWith, null).chain((kind): fc.Arbitrary<QuestionInput["compare"]> => {
  if (kind === null) return fc.constant(null);
  if (kind === "value")
    return fc.record({ with: fc.constant(kind), is, value: fc.constantFrom("0", "0.1", "1.5", "40") });
  if (kind === "slice")
    return fc.record({
      ...{ with: fc.constant(kind), is, by },
      ...{ slice: condition, against: fc.option(condition, { nil: null }) },
    });
  return fc.record({ with: fc.constant(kind), is, by });
});
/** Any question about them that there is an answer to. */
export const questions = fc
  .record({
    subject: fc.constantFrom(...subjects),
    metric: fc.constantFrom(...metrics),
    where: fc.array(condition, { maxLength: 2 }),
    compare,
    period: fc.oneof(
      fc.record({ days: fc.integer({ min: 1, max: 26 }) }),
      fc.constantFrom({ from: "2026-03-05", to: "2026-03-14" }, { from: "2026-03-10", to: "2026-04-30" }),
    ),
    floor: fc.constantFrom({}, { impressions: 500 }, { clicks: 20, spend: "1.5" }),
    sort: fc.constantFrom(undefined, "difference" as const, "metric" as const, "clicks" as const, "spend" as const),
    direction: fc.constantFrom("most" as const, "least" as const),
    limit: fc.constantFrom(3, 50),
  })
  .map(({ sort, ...rest }) => question.safeParse({ ...rest, ...(sort === undefined ? {} : { sort }) }))
  .filter(({ success }) => success)
  .map(({ data }) => data as NonNullable<typeof data>);
