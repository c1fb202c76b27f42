import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { windowDays, type Breakdown } from "../../rules/intelligence/opportunity-cells.ts";
import type { SummedWindow } from "../../rules/intelligence/window-sums.ts";
import { inTransaction } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readCampaignWindow } from "./opportunity-cells.ts";

const client = "o'brien";
const [from, to] = ["2026-02-01", "2026-02-28"];
let database: TestDatabase;
let window: SummedWindow;

/** Days with gaps, zeros and amounts of six places; a creative in two campaigns, one in none, one that is its campaign, sizes and formats unknown. */
beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  await pool.query("select rtb.ensure_months(array['2026-01-31', '2026-02-01', '2026-03-01']::date[])");
  await pool.query(
    `insert into rtb.campaigns (_client_id, campaign_name, genre, origin) select c, 'Campaign ' || n, 'Genre ' || n, 'real' from unnest(array[$1, 'acme']) c, generate_series(1, 4) n`,
    [client],
  );
  await pool.query(
    `insert into rtb.creatives (_client_id, creative_id, buyer_id, format, canonical_size, origin)
     select c, 'c' || n, '1', (array['HTML', 'VIDEO', null])[1 + n % 3], (array['300x250', '320x50', null])[1 + n % 2 + (n % 7) / 6], 'real' from unnest(array[$1, 'acme']) c, generate_series(1, 12) n`,
    [client],
  );
  await pool.query(
    `insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id)
     select k._client_id, k.campaign_id, c.id from rtb.creatives c join rtb.campaigns k on k._client_id = c._client_id
      where c.creative_id <> 'c11' and (k.campaign_name = 'Campaign ' || case c.creative_id when 'c12' then 4 else 1 + substr(c.creative_id, 2)::int % 3 end or (c.creative_id = 'c1' and k.campaign_name = 'Campaign 1'))`,
  );
  await pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, impressions, clicks, spend, geography, device_type, hour, placement, _file_id)
     select c._client_id, c.id, '2026-01-31'::date + d, 10 * h, case when h % 5 = 0 then 0 else h % 9 end, case when h % 6 = 0 then 0 else round(h / 777777.0, 6) end,
            (array['PL', 'DE', '', E'a\\tb\\\\c', 'Côte d''Ivoire'])[1 + h % 5], (array['mobile', 'desktop'])[1 + h % 2], -1, '', 1
       from rtb.creatives c, generate_series(0, 29) d, generate_series(1, 6) n,
            lateral (select abs(hashtext(c.creative_id || ' ' || d || ' ' || n)) % 1000003 as h) r
      where h % 4 > 0 and (c.creative_id <> 'c2' or d > 20) and c.creative_id <> 'c3'
     on conflict do nothing`,
  );
  window = await inTransaction(pool, (session) => readCampaignWindow(session, { client, from, to }));
}, 60_000);
afterAll(() => database?.drop());

/** What a breakdown's parts are, and what their rest is of. */
const parts: Record<Breakdown, { subject: string; whole: string }> = {
  geography: { subject: "geography", whole: "campaign_id" },
  creative: { subject: "creative_id::text", whole: "campaign_id" },
  size: { subject: "size", whole: "campaign_id" },
  campaign: { subject: "''", whole: "0" },
};

/** Written for being plain: each part's days beside those of the whole, and the difference of the two. */
async function plainCells({ subject, whole }: { subject: string; whole: string }) {
  const sums = "sum(clicks) as c, sum(spend) as s, sum(impressions) as i";
  const squared = "case when s > 0 then c * c / s::float8 else 0 end";
  const { rows } = await database.pool.query<{ name: string; own: object; rest: object }>(
    `with records as (
       select k.campaign_id, m.creative_id, m.geography, coalesce(c.canonical_size, '') as size, m.date, m.clicks, m.spend, m.impressions
         from rtb.performance_metrics m join rtb.campaign_creatives k using (_client_id, creative_id)
         join rtb.creatives c on c._client_id = m._client_id and c.id = m.creative_id
        where m._client_id = $1 and m.date between $2 and $3
     ), units as (
       select ${whole} as whole, campaign_id, ${subject} as subject, kind, unit, ${sums}, min($3::date - date) as back
         from records, lateral (values ('day', $3::date - date), ('week', ($3::date - date) / 7)) u(kind, unit) group by 1, 2, 3, 4, 5
     ), wholes as (
       select ${whole} as whole, kind, unit, ${sums}
         from records, lateral (values ('day', $3::date - date), ('week', ($3::date - date) / 7)) u(kind, unit) group by 1, 2, 3
     ), named as (
       select distinct whole, campaign_id, subject from units
     ), rests as (
       select n.campaign_id, n.subject, w.kind, w.unit, w.c - coalesce(u.c, 0) as c, w.s - coalesce(u.s, 0) as s, w.i - coalesce(u.i, 0) as i, u.c is not null as had
         from named n join wholes w using (whole) left join units u using (campaign_id, subject, kind, unit)
     )
     select n.campaign_id || ' ' || n.subject as name,
            (select json_build_object('clicks', sum(c) filter (where kind = 'day'), 'spendText', (sum(s) filter (where kind = 'day'))::text, 'impressions', sum(i) filter (where kind = 'day'),
                      'days', count(*) filter (where kind = 'day'), 'weeks', count(*) filter (where kind = 'week'), 'recentDays', count(*) filter (where kind = 'day' and back < 7),
                      'squares', sum(${squared}) filter (where kind = 'day'), 'weekSquares', sum(${squared}) filter (where kind = 'week'))
               from units u where u.campaign_id = n.campaign_id and u.subject = n.subject) as own,
            (select json_build_object('clicks', sum(c) filter (where kind = 'day'), 'spendText', (sum(s) filter (where kind = 'day'))::text, 'impressions', sum(i) filter (where kind = 'day'),
                      'days', count(*) filter (where kind = 'day' and not (had and c = 0 and s = 0)), 'weeks', count(*) filter (where kind = 'week' and not (had and c = 0 and s = 0)), 'recentDays', 0,
                      'squares', sum(${squared}) filter (where kind = 'day'), 'weekSquares', sum(${squared}) filter (where kind = 'week'))
               from rests r where r.campaign_id = n.campaign_id and r.subject = n.subject) as rest
       from named n`,
    [client, from, to],
  );
  return rows;
}

const rounded = (sums: object) =>
  Object.fromEntries(
    Object.entries(sums)
      .filter(([name]) => name !== "spend")
      .map(([name, value]) => [name, typeof value === "number" ? Number(value.toPrecision(12)) : (value as string)]),
  );

test.each(Object.keys(parts) as Breakdown[])("each sum by %s is what SQL makes of the rows", async (breakdown) => {
  const plain = await plainCells(parts[breakdown]);
  expect(plain.length).toBeGreaterThan(2);
  const byName = (one: readonly [string, object, object], other: readonly [string, object, object]) =>
    one[0] < other[0] ? -1 : 1;
  expect(
    window.cells[breakdown]
      .map(({ campaignId, subject, own, rest }) => [`${campaignId} ${subject}`, rounded(own), rounded(rest)] as const)
      .sort(byName),
  ).toEqual(plain.map(({ name, own, rest }) => [name, rounded(own), rounded(rest)] as const).sort(byName));
});

test("a campaign's format is where most of it was spent, and days are counted once", async () => {
  const { rows } = await database.pool.query<{ id: number; format: string | null }>(
    `select k.campaign_id as id, (select c.format from rtb.performance_metrics m join rtb.creatives c on c.id = m.creative_id join rtb.campaign_creatives l on l.creative_id = c.id
              where l.campaign_id = k.campaign_id and m.date between $2 and $3 and c.format is not null group by 1 order by sum(m.spend) desc, 1 limit 1) as format
       from rtb.campaigns k where k._client_id = $1`,
    [client, from, to],
  );
  expect(rows.filter(({ format }) => format !== null).length).toBeGreaterThan(1);
  expect([...window.traits].map(([id, { format }]) => [id, format]).sort()).toEqual(
    rows.map(({ id, format }) => [id, format]).sort(),
  );
  expect(window.days).toBe(windowDays);
});

test("a window of another length is refused, for its days would be counted as other parts' days", async () => {
  const asked = inTransaction(database.pool, (session) =>
    readCampaignWindow(session, { client, from: "2026-01-31", to }),
  );
  await expect(asked).rejects.toThrow("a window has 28 days");
});
