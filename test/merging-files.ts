import { afterAll, beforeAll, beforeEach, expect, jest } from "@jest/globals";
import { addDays } from "../core/days.ts";
import { sumMoney } from "../core/money.ts";
import { inTransaction } from "../schema/database.ts";
import { testDatabase, type TestDatabase } from "./database.ts";
import { recordIngested } from "../queries/files/files.ts";
import { mergeStaged, takeTurn } from "../queries/files/merge-file.ts";
import type { MergedFile, MergeTarget } from "../queries/files/merge-shapes.ts";
import { openStaging, type Staging } from "../queries/files/staging.ts";
import { listCreatives } from "../queries/rtb/list-creatives.ts";
import type { Period } from "../queries/rtb/rollups.ts";

jest.setTimeout(120_000);

export let database: TestDatabase;
export let client: string;
let clients = 0;
export const today = "2025-12-18";

beforeAll(async () => void (database = await testDatabase()));
/** From here on, another client's. */
export const asAnother = () => (client = `client-${(clients += 1)}`);
beforeEach(() => void asAnother());
afterAll(() => database.drop());

/** A line of a file as the reader hands it on; null is what the file does not say. */
export interface Line {
  creative: string;
  date: string;
  hour: number | null;
  geography: string | null;
  device: string | null;
  placement: string | null;
  impressions: number;
  clicks: number;
  spend: string;
}

export const line = (given: Partial<Line> = {}): Line => ({
  creative: "79783",
  date: "2025-12-17",
  hour: null,
  geography: "BR",
  device: "mobile",
  placement: null,
  impressions: 1_000,
  clicks: 10,
  spend: "5.25",
  ...given,
});

/** A creative has one number in all files of these tests. */
const numbers = new Map<string, number>();
function numberOf({ creative }: Line): number {
  const number = numbers.get(creative) ?? numbers.size;
  numbers.set(creative, number);
  return number;
}

/** Stages lines as the reader hands them on; a creative may be written seat/id. */
export async function stage(staging: Staging, lines: readonly Line[]): Promise<void> {
  await staging.write(copyText(lines));
  const named = [...new Set(lines.map(numberOf))].filter((number) => !namedTo(staging).has(number));
  await staging.name(
    named.map((number) => {
      const [id = "", seat = null] = ([...numbers.keys()][number] ?? "").split("/").reverse();
      namedTo(staging).add(number);
      return { number, buyerId: seat, creativeId: id };
    }),
  );
}
const namesOf = new WeakMap<Staging, Set<number>>();
function namedTo(staging: Staging): Set<number> {
  const known = namesOf.get(staging) ?? new Set();
  namesOf.set(staging, known);
  return known;
}

export function copyText(lines: readonly Line[]): Buffer {
  const text = (value: string | number | null) => (value === null ? "\\N" : String(value).replaceAll("\\", "\\\\"));
  return Buffer.from(
    lines
      .map((one, index) =>
        [
          index + 2,
          numberOf(one),
          one.date,
          one.hour,
          one.geography,
          one.device,
          one.placement,
          one.impressions,
          one.clicks,
          one.spend,
        ]
          .map(text)
          .join("\t"),
      )
      .map((row) => `${row}\n`)
      .join(""),
  );
}

interface Given extends Partial<Omit<MergeTarget, "client" | "fileId">> {
  lines: readonly Line[];
  rejected?: number;
  sha256?: string;
  force?: boolean;
}

/** A file from its lines to its receipt, as an ingest does it. */
export async function ingest({
  lines,
  rejected = 0,
  sha256,
  force = false,
  ...options
}: Given): Promise<MergedFile & { fileId: number }> {
  return inTransaction(database.pool, async (session) => {
    const staging = await openStaging(session);
    for (let at = 0; at < lines.length; at += 3) await stage(staging, lines.slice(at, at + 3));
    // In parts, so that line numbers would repeat: numbered anew here, as the reader does.
    await staging.end();
    await session.query(
      "update pg_temp.staged s set line = n.line from (select ctid, row_number() over (order by ctid) as line from pg_temp.staged) n where n.ctid = s.ctid",
    );
    const fileId = await takeTurn(session, client);
    const done = await mergeStaged(session, { client, fileId, today, combine: "later", createStubs: true, ...options });
    await recordIngested(
      session,
      {
        fileId,
        source: "rtb.performance",
        client,
        sha256: sha256 ?? `hash-${fileId}`,
        mapping: "document",
        mappingVersion: "1",
        name: "file.csv",
        place: "import",
        path: "file.csv",
        bytes: 1,
        optionsHash: "none",
        lines: lines.length + rejected,
        preamble: 0,
        totals: 0,
        rejected,
        runId: `run-${fileId}`,
        workflowId: `ingest/${fileId}`,
        startedAt: new Date(),
        force,
      },
      done,
    );
    return { ...done, fileId };
  });
}

/** As lines of these tests name a creative. */
const nameOf = (table: string) => `coalesce(${table}.buyer_id || '/', '') || ${table}.creative_id`;
const storedColumns = `${nameOf("performance")} || ' ' || date || ' ' || coalesce(hour::text, '-') || ' ' || coalesce(geography, '-') || ' ' || coalesce(device_type, '-') || ' ' || coalesce(placement, '-')`;

export async function stored(): Promise<Map<string, string>> {
  const { rows } = await database.pool.query<{ key: string; value: string }>(
    `select ${storedColumns} as key, impressions || ' ' || clicks || ' ' || trim_scale(spend) || ' ' || _file_id as value from rtb.performance where _client_id = $1`,
    [client],
  );
  return new Map(rows.map(({ key, value }) => [key, value]));
}

export const keyOf = (one: Line) =>
  [one.creative, one.date, one.hour ?? "-", one.geography ?? "-", one.device ?? "-", one.placement ?? "-"].join(" ");

/** Plain sums over the rows, in another shape than the roll-ups': row by row in TypeScript. */
export async function expectRollupsToBeTrue(asOf = today): Promise<void> {
  const { rows } = await database.pool.query<{
    id: string;
    date: string;
    geography: string | null;
    device: string | null;
    impressions: string;
    clicks: string;
    spend: string;
  }>(
    `select ${nameOf("performance")} as id, date, geography, device_type as device, impressions::text, clicks::text, spend from rtb.performance where _client_id = $1`,
    [client],
  );
  type Row = (typeof rows)[number];
  const sum = (of: Row[], what: "impressions" | "clicks" | "spend") => Number(sumMoney(of.map((row) => row[what])));
  const within = (of: Row[], from: number, to: number) =>
    of.filter(({ date }) => date >= addDays(asOf, -from) && date <= addDays(asOf, -to));
  const periods = { "1d": [1, 1, 2, 2], "7d": [6, 0, 13, 8], "30d": [29, 0, 59, 31] } as const;
  const ids = [...new Set(rows.map(({ id }) => id))];
  const expected = ids.map((id) => {
    const own = rows.filter((row) => row.id === id);
    const parts = Object.entries(periods).flatMap(([period, [from, to, before, until]]) => [
      [`spend_${period}`, sum(within(own, from, to), "spend")],
      [`impressions_${period}`, sum(within(own, from, to), "impressions")],
      [`clicks_${period}`, sum(within(own, from, to), "clicks")],
      [`previous_spend_${period}`, sum(within(own, before, until), "spend")],
    ]);
    parts.push(["spend_today", sum(within(own, 0, 0), "spend")]);
    const all = (["spend", "impressions", "clicks"] as const).map((what) => [`${what}_all`, sum(own, what)]);
    return { id, ...Object.fromEntries([...parts, ...all]) } as Record<string, number | string>;
  });
  const found = await database.pool.query<Record<string, string>>(
    `select ${nameOf("c")} as name, p.* from rtb.creative_performance p join rtb.creatives c on c._client_id = p._client_id and c.id = p.creative_id where p._client_id = $1`,
    [client],
  );
  const numbers = found.rows.map(({ _client_id, creative_id: _creative, name, ...sums }) => ({
    id: name,
    ...Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, Number(value)])),
  }));
  const byId = (list: { id?: string | number | undefined }[]) =>
    [...list].sort((one, other) => String(one.id).localeCompare(String(other.id)));
  expect(byId(numbers)).toEqual(byId(expected));

  for (const [period, [from, to]] of [...Object.entries(periods), ["all", [100_000, -1]] as const]) {
    const listed = await listCreatives(database.pool, {
      ...{ client, asOf, sort: "spend", period: period as Period, geography: "BR", slim: true, limit: 100 },
    });
    const inCountry = ids.flatMap((id) => {
      const own = within(
        rows.filter((row) => row.id === id && row.geography === "BR"),
        from ?? 0,
        to ?? 0,
      );
      return own.length === 0
        ? []
        : [{ spend: sum(own, "spend"), impressions: sum(own, "impressions"), clicks: sum(own, "clicks") }];
    });
    const byAll = (list: { spend: number; impressions: number; clicks: number }[]) =>
      list.map(({ spend, impressions, clicks }) => [spend, impressions, clicks].join(" ")).sort();
    expect(
      byAll(
        listed.rows.map((row) => ({
          ...{ spend: Number(row.place), impressions: Number(row.impressions), clicks: Number(row.clicks) },
        })),
      ),
    ).toEqual(byAll(inCountry));
  }
  const { rows: wrong } = await database.pool.query(
    `with kept as (
       select k.geography, case when k.date > $2::date - 60 then k.date end as date, u.creative, sum(u.rows) as rows, sum(u.impressions) as impressions, sum(u.clicks) as clicks, sum(u.spend) as spend
         from rtb.country_sums k cross join lateral unnest(k.creatives, k.rows, k.impressions, k.clicks, k.spend) u(creative, rows, impressions, clicks, spend)
        where k._client_id = $1 group by 1, 2, 3
       having sum(u.rows) <> 0 or sum(u.impressions) <> 0 or sum(u.clicks) <> 0 or sum(u.spend) <> 0
     ), plain as (
       select geography, case when date > $2::date - 60 then date end as date, creative_id, count(*)::numeric, sum(impressions), sum(clicks), sum(spend)
         from rtb.performance_metrics where _client_id = $1 and geography <> '' group by 1, 2, 3
     )
     (select * from kept except select * from plain) union all (select * from plain except select * from kept)`,
    [client, asOf],
  );
  expect(wrong).toEqual([]);

  const { rows: tiers } = await database.pool.query<{
    period: string;
    spenders: number;
    high: string | null;
    low: string | null;
  }>("select period, spenders, high_from as high, low_to as low from rtb.spend_tiers where _client_id = $1", [client]);
  for (const { period, spenders, high, low } of tiers) {
    const spends = expected
      .map((one) => Number(one[`spend_${period}`]))
      .filter((spend) => spend > 0)
      .sort((one, other) => other - one);
    const quarter = Math.ceil(spends.length / 4);
    expect({ period, spenders, high, low }).toEqual({
      period,
      spenders: spends.length,
      high: spends.length === 0 ? null : (spends[quarter - 1] ?? 0).toFixed(6),
      low: spends.length === 0 ? null : (spends[spends.length - quarter] ?? 0).toFixed(6),
    });
  }

  const { rows: campaigns } = await database.pool.query<Record<string, string | null> & { members: string[] }>(
    `select c.*, coalesce(array_agg(${nameOf("r")}) filter (where r.id is not null), '{}') as members
       from rtb.campaigns c left join rtb.campaign_creatives k using (_client_id, campaign_id)
       left join rtb.creatives r on r._client_id = k._client_id and r.id = k.creative_id where c._client_id = $1 group by c._client_id, c.campaign_id`,
    [client],
  );
  for (const campaign of campaigns) {
    const own = rows.filter(({ id }) => campaign.members.includes(id));
    const week = within(own, 6, 0);
    const top = (of: "geography" | "device") => {
      const sums = [...new Set(week.map((row) => row[of]))]
        .filter((name) => name !== null)
        .map((name) => ({
          name,
          spend: sum(
            week.filter((row) => row[of] === name),
            "spend",
          ),
        }))
        .filter(({ spend }) => spend > 0)
        .sort((one, other) => other.spend - one.spend || (one.name < other.name ? -1 : 1));
      return sums[0]?.name ?? null;
    };
    const clicks = sum(week, "clicks");
    const impressions = sum(week, "impressions");
    const spend = sum(week, "spend");
    expect({
      spend7: Number(campaign["total_spend_7d"]),
      spend30: Number(campaign["total_spend_30d"]),
      all: Number(campaign["total_spend_all_time"]),
      cpc: campaign["avg_cpc_7d"] === null ? null : Number(campaign["avg_cpc_7d"]),
      cpm: campaign["avg_cpm_7d"] === null ? null : Number(campaign["avg_cpm_7d"]),
      geography: campaign["top_geography"],
      device: campaign["top_device_type"],
    }).toEqual({
      spend7: spend,
      spend30: sum(within(own, 29, 0), "spend"),
      all: sum(own, "spend"),
      cpc: clicks === 0 ? null : expect.closeTo(spend / clicks, 5),
      cpm: impressions === 0 ? null : expect.closeTo((spend * 1000) / impressions, 5),
      geography: top("geography"),
      device: top("device"),
    });
  }
}

export async function makeCampaign(name: string, members: readonly string[]): Promise<number> {
  const { rows } = await database.pool.query<{ id: number }>(
    `with known as (
       insert into rtb.creatives (_client_id, buyer_id, creative_id, is_stub)
       select $1, nullif(split_part('/' || n, '/', -2), ''), split_part(n, '/', -1), true from unnest($3::text[]) n
           on conflict on constraint creatives_key do update set is_stub = true returning id
     ), c as (insert into rtb.campaigns (_client_id, campaign_name) values ($1, $2) returning campaign_id), k as (
       insert into rtb.campaign_creatives select $1, campaign_id, known.id from c, known)
     select campaign_id as id from c`,
    [client, name, members],
  );
  return rows[0]?.id ?? 0;
}
