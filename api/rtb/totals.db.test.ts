import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createIngestActivities } from "../../activities/files/ingest.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { createRedactor } from "../../core/redact.ts";
import { loadConfig } from "../../settings/config.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

jest.setTimeout(120_000);

const today = dayAt(new Date(), "America/New_York");
const seats = ["A", "B"] as const;
const perSeat = 400;
/** Of each creative: 25 make 20,000 rows in the ring, 250 the 200,000 of `npm run test:totals`. */
const linesEach = Number(process.env["TOTALS_LINES"] ?? 25);
const rows = seats.length * perSeat * linesEach;
const campaignCount = 20;
const daysBack = 45;

let database: TestDatabase;
let folder: string;
let api: Api;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "totals-"))]);
  api = await testServer({ database: database.pool, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Made up, and the same at every run: a step of Lehmer's generator per number. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

interface Sums {
  impressions: bigint;
  clicks: bigint;
  micros: bigint;
}
const nothing = (): Sums => ({ impressions: 0n, clicks: 0n, micros: 0n });
const add = (to: Sums, { impressions, clicks, micros }: Sums) => {
  to.impressions += impressions;
  to.clicks += clicks;
  to.micros += micros;
};

/** Half-up, as people round: no float comes near an amount. */
function rounded(numerator: bigint, denominator: bigint, places: number): string | null {
  if (denominator === 0n) return null;
  const scaled = (numerator * 10n ** BigInt(places) * 2n + denominator) / (denominator * 2n);
  const digits = scaled.toString().padStart(places + 1, "0");
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
const figuresOf = ({ impressions, clicks, micros }: Sums) => ({
  spend: rounded(micros, 1_000_000n, 2),
  impressions: Number(impressions),
  clicks: Number(clicks),
  cpc: rounded(micros, clicks * 1_000_000n, 4),
  cpm: rounded(micros * 1_000n, impressions * 1_000_000n, 4),
});

/** Which days a period has; 1d is yesterday. */
const isIn = {
  "1d": (ago: number) => ago === 1,
  "7d": (ago: number) => ago < 7,
  "30d": (ago: number) => ago < 30,
  all: () => true,
} as const;
type Period = keyof typeof isIn;
const periods = Object.keys(isIn) as Period[];

const header = "buyer_id,creative_id,date,hour,geography,device_type,impressions,clicks,spend";
const countries = ["BR", "US", "PE", "IE", "AO"];
const devices = ["mobile", "desktop", "tablet"];
const amount = (micros: bigint) => `${micros / 1_000_000n}.${String(micros % 1_000_000n).padStart(6, "0")}`;

/** What counts of each creative, day by day: of a key the later line. */
const expected = new Map<string, Map<number, Sums>>();
const nameOf = (seat: string, id: number) => `${seat}/${id}`;

/** Lines of all creatives; with `every` only so many of them, as a correction of earlier ones. */
function linesOf(seed: number, every: number): { text: string; apply: () => void } {
  const below = chance(seed);
  const lines = [header];
  const changes: (() => void)[] = [];
  for (const seat of seats)
    for (let id = 1; id <= perSeat; id += 1)
      for (let line = 0; line < linesEach; line += every) {
        // Seven steps at a time go through all days.
        const ago = (line * 7) % daysBack;
        const impressions = BigInt(id % 50 === 0 ? 0 : below(2_000_000));
        // Some have impressions and no click, one has nothing but spend.
        const clicks = id % 7 === 0 || impressions === 0n ? 0n : BigInt(below(Number(impressions) + 1) % 5_000);
        const micros = BigInt(below(2_000_000_000)) * BigInt(1 + below(3));
        lines.push(
          `${seat},${id},${addDays(today, -ago)},${Math.floor(line / daysBack)},${countries[line % 5]},${devices[line % 3]},${impressions},${clicks},${amount(micros)}`,
        );
        changes.push(() => keep(nameOf(seat, id), { ago, line }, { impressions, clicks, micros }));
      }
  return { text: `${lines.join("\n")}\n`, apply: () => changes.forEach((change) => change()) };
}

const kept = new Map<string, Sums>();
function keep(name: string, { ago, line }: { ago: number; line: number }, sums: Sums): void {
  const key = `${name}/${line}`;
  const days = expected.get(name) ?? new Map<number, Sums>();
  expected.set(name, days);
  const day = days.get(ago) ?? nothing();
  days.set(ago, day);
  const before = kept.get(key);
  if (before !== undefined)
    add(day, { impressions: -before.impressions, clicks: -before.clicks, micros: -before.micros });
  add(day, sums);
  kept.set(key, sums);
}

function sumOf(names: Iterable<string>, period: Period): Sums {
  const sum = nothing();
  for (const name of names) for (const [ago, day] of expected.get(name) ?? []) if (isIn[period](ago)) add(sum, day);
  return sum;
}

async function ingest(text: string): Promise<{ inserted: number; updated: number }> {
  const env = { DATABASE_URL: database.url, IMPORT_DIR: folder };
  const config = loadConfig(env, vendors, sources);
  const { takeFile } = createIngestActivities({
    database: database.pool,
    config,
    redact: createRedactor(config.secrets),
  });
  const name = `${randomUUID()}.csv`;
  await writeFile(path.join(folder, name), text);
  const inside = new MockActivityEnvironment(
    { workflowExecution: { workflowId: "ingest/713/totals", runId: randomUUID() } },
    { logger: new DefaultLogger("ERROR") },
  );
  return (await inside.run(takeFile, { path: name })) as { inserted: number; updated: number };
}

async function get<Answer>(url: string): Promise<Answer> {
  const answer = await api.inject({ method: "GET", url: `/api/v1/rtb${url}`, headers: await bearer() });
  expect([url, answer.statusCode]).toEqual([url, 200]);
  return answer.json<Answer>();
}

interface ListedCreative {
  creativeId: string;
  buyerId: string;
  performance: ReturnType<typeof figuresOf> & { period: string };
}

async function listCreatives(period: Period): Promise<ListedCreative[]> {
  const found: ListedCreative[] = [];
  for (let cursor = ""; ;) {
    const page = await get<{ items: ListedCreative[]; next: string | null }>(
      `/creatives?slim=true&sort=spend&period=${period}&limit=500${cursor}`,
    );
    found.push(...page.items);
    if (page.next === null) return found;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

test("spend, CPC and CPM of creatives and campaigns in every period equal an independent sum, over two seats that share creative ids", async () => {
  await database.pool.query(
    `insert into rtb.buyer_seats (_client_id, buyer_id, origin) values ('713', 'A', 'real'), ('713', 'B', 'real')`,
  );
  await database.pool.query(
    "insert into rtb.creatives (_client_id, buyer_id, creative_id) select '713', s, g::text from unnest(array['A', 'B']) s, generate_series(1, $1) g",
    [perSeat],
  );
  const members = Array.from({ length: campaignCount }, (_, number) =>
    seats.flatMap((seat, shift) =>
      Array.from({ length: perSeat }, (_none, index) => index + 1)
        .filter((id) => (id + shift * 3) % campaignCount === number)
        .map((id) => ({ seat, id })),
    ),
  );
  for (const [number, some] of members.entries())
    await database.pool.query(
      `with made as (insert into rtb.campaigns (_client_id, campaign_name, origin) values ('713', $1, 'real') returning campaign_id)
       insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id)
       select '713', m.campaign_id, c.id from made m, rtb.creatives c
        where c._client_id = '713' and (c.buyer_id, c.creative_id) in (select * from unnest($2::text[], $3::text[]))`,
      [`campaign ${number}`, some.map(({ seat }) => seat), some.map(({ id }) => String(id))],
    );

  const first = linesOf(7, 1);
  const correction = linesOf(11, 10);
  expect(await ingest(first.text)).toMatchObject({ reason: null, errors: [], inserted: rows });
  expect(await ingest(correction.text)).toMatchObject({
    inserted: 0,
    updated: (rows / linesEach) * Math.ceil(linesEach / 10),
  });
  first.apply();
  correction.apply();

  for (const period of periods) {
    const listed = await listCreatives(period);
    expect(listed).toHaveLength(seats.length * perSeat);
    const shown = new Map(
      listed.map(({ buyerId, creativeId, performance }) => [`${buyerId}/${creativeId}`, performance]),
    );
    const wrong = [...expected.keys()].flatMap((name) => {
      const { spend, impressions, clicks, cpc, cpm } = shown.get(name) ?? ({} as ListedCreative["performance"]);
      const is = { spend, impressions, clicks, cpc, cpm };
      const should = figuresOf(sumOf([name], period));
      return JSON.stringify(is) === JSON.stringify(should) ? [] : [{ name, period, is, should }];
    });
    expect(wrong).toEqual([]);
  }

  const { items } = await get<{ items: { campaignId: number; campaignName: string }[] }>("/campaigns?limit=100");
  expect(items).toHaveLength(campaignCount);
  for (const { campaignId, campaignName } of items) {
    const some = members[Number(campaignName.split(" ")[1])] ?? [];
    for (const period of periods) {
      const { performance } = await get<{ performance: ListedCreative["performance"] }>(
        `/campaigns/${campaignId}?period=${period}`,
      );
      expect([campaignName, performance]).toEqual([
        campaignName,
        expect.objectContaining(
          figuresOf(
            sumOf(
              some.map(({ seat, id }) => nameOf(seat, id)),
              period,
            ),
          ),
        ),
      ]);
    }
  }
});
