import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { countVerdictsOfCampaign, readCampaignTotals } from "./dashboards.ts";
import { countVerdictsOfAffiliate, readTrend } from "./reports.ts";

jest.setTimeout(240_000);
const client = "713";
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  // The rows that these are about are not what is tried here.
  const { rows } = await database.pool.query<{ drop: string }>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop from pg_constraint
      where contype in ('f', 'c') and conrelid in ('recon.report_state'::regclass, 'recon.post_totals'::regclass)`,
  );
  for (const { drop } of rows) await database.pool.query(drop);
  await database.pool.query(
    `insert into recon.campaigns (_client_id, campaign_id, advertiser_id, name) overriding system value
     select $1, n, 'adv-' || n % 2, 'campaign ' || n from generate_series(1, 3) n`,
    [client],
  );
});
afterAll(() => database?.drop());

const few = fc.integer({ min: 1, max: 3 });
const maybe = fc.option(fc.integer({ min: 0, max: 1_000 }));
const report = fc.record({
  report: fc.integer({ min: 1, max: 12 }),
  campaign: few,
  affiliate: few,
  judged: fc.option(
    fc.record({
      verdict: fc.constantFrom("MATCHED", "DISCREPANCY", "POST_DELETED"),
      level: fc.option(fc.constantFrom("LOW", "HIGH")),
      saysNothing: fc.boolean(),
      // Two days ago begins between these.
      hoursAgo: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 80, max: 200 })),
    }),
  ),
});
const post = fc.record({
  post: fc.integer({ min: 1, max: 8 }),
  campaign: few,
  affiliate: few,
  platform: fc.constantFrom("reddit", "meta"),
  key: few,
  claimed: fc.integer({ min: 0, max: 1_000 }),
  views: maybe,
  clicks: maybe,
  cents: maybe,
  currency: fc.constantFrom("USD", "EUR"),
  verified: fc.option(fc.integer({ min: 0, max: 5 })),
});
const change = fc.oneof(
  report.map((of) => ({ kind: "report" as const, of })),
  post.map((of) => ({ kind: "post" as const, of })),
  fc.array(fc.integer({ min: 1, max: 12 })).map((ids) => ({ kind: "without" as const, ids })),
  few.map((key) => ({ kind: "verified again" as const, key })),
);

test("sums of reports and posts are what their rows add up to, whatever changes them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 25 }), async (changes) => {
      await database.pool.query("truncate recon.report_state, recon.post_totals cascade");
      for (const one of changes) await make(one);
      expect(await kept()).toEqual(await computed());
      for (const campaignId of ["1", "2"]) {
        expect(await readCampaignTotals(database.pool, { client, campaignId })).toEqual(await plainTotals(campaignId));
        const counted = await countVerdictsOfCampaign(database.pool, { client, campaignId });
        expect(counted).toEqual(await plainCounts("campaign_id", campaignId));
      }
      for (const advertiserId of [null, "adv-1"]) {
        const of = { client, affiliateId: "1", advertiserId };
        expect(await readTrend(database.pool, { ...of, days: 2 })).toEqual(await plainTrend(of));
        const counted = await countVerdictsOfAffiliate(database.pool, of);
        if (advertiserId === null) expect(counted).toEqual(await plainCounts("affiliate_id", "1"));
      }
    }),
    { numRuns: 60 },
  );
});

test("of transactions that change one post at once, each finds what the other has written", async () => {
  await database.pool.query("truncate recon.report_state, recon.post_totals cascade");
  const upsert = (id: number, affiliate: number, views: number) =>
    database.pool.query(upsertPost, [
      ...[client, id, 1, affiliate, "reddit", "k", 1, views, views, null, null, "USD", 1_000 + id],
    ]);
  for (let views = 1; views <= 20; views += 1)
    await Promise.all([1, 2, 3].map((affiliate) => upsert(affiliate, affiliate, views * affiliate)));
  expect(await kept()).toEqual(await computed());
});

const upsertPost = `insert into recon.post_totals as t (_client_id, post_id, campaign_id, affiliate_id, platform, post_key, reports, latest_report_id, claimed_views, claimed_clicks,
       claimed_conversions, verified_views, verified_clicks, spend, currency, verified_at)
  values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $8, $9, $10, $11, case when $11::numeric is not null then $12 end, to_timestamp($13))
  on conflict on constraint post_totals_key do update
     set campaign_id = excluded.campaign_id, affiliate_id = excluded.affiliate_id, platform = excluded.platform, post_key = excluded.post_key, reports = excluded.reports,
         claimed_views = excluded.claimed_views, verified_views = excluded.verified_views, verified_clicks = excluded.verified_clicks, spend = excluded.spend,
         currency = excluded.currency, verified_at = excluded.verified_at`;

async function make(one: typeof change extends fc.Arbitrary<infer Change> ? Change : never): Promise<void> {
  const { pool } = database;
  if (one.kind === "report") {
    const { report: id, campaign, affiliate, judged } = one.of;
    await pool.query(
      `insert into recon.report_state as s (_client_id, report_id, post_id, campaign_id, affiliate_id, platform, verdict, level, says_nothing, reconciled_at)
       values ($1, $2, 1, $3, $4, 'reddit', $5, $6, $7, now() - $8 * interval '1 hour')
       on conflict on constraint report_state_key do update set campaign_id = excluded.campaign_id, affiliate_id = excluded.affiliate_id, verdict = excluded.verdict,
          level = excluded.level, says_nothing = excluded.says_nothing, reconciled_at = excluded.reconciled_at`,
      [
        ...[client, id, campaign, affiliate, judged?.verdict ?? null, judged === null ? null : judged.level],
        ...[judged?.saysNothing ?? false, judged?.hoursAgo ?? null],
      ],
    );
  } else if (one.kind === "post") {
    const { of } = one;
    const spend = of.cents === null ? null : of.cents / 100;
    await pool.query(upsertPost, [
      ...[client, of.post, of.campaign, of.affiliate, of.platform, `k${of.key}`, of.key, of.claimed],
      ...[of.views, of.clicks, spend, of.currency, of.verified],
    ]);
  } else if (one.kind === "without") {
    await pool.query("delete from recon.report_state where report_id = any($1)", [one.ids]);
    await pool.query("delete from recon.post_totals where post_id = any($1)", [one.ids]);
  } else {
    await pool.query(
      "update recon.post_totals set verified_at = to_timestamp(10 - post_id), verified_views = coalesce(verified_views, 0) + post_id where post_key = $1",
      [`k${one.key}`],
    );
  }
}

const tables = ["verdict_counts", "verdict_days", "post_sums"];

async function kept(): Promise<unknown[][]> {
  const all = tables.map((table) => database.pool.query(`select t::text from recon.${table} t order by 1`));
  return (await Promise.all(all)).map(({ rows }) => rows);
}

/** The same from the rows; what is kept stays as it was. */
async function computed(): Promise<unknown[][]> {
  const session = await database.pool.connect();
  try {
    await session.query("begin; select recon.sum_again()");
    const all = [];
    for (const table of tables)
      all.push((await session.query(`select t::text from recon.${table} t order by 1`)).rows as unknown[]);
    return all;
  } finally {
    await session.query("rollback");
    session.release();
  }
}

async function plainTotals(campaignId: string): Promise<unknown[]> {
  const metrics = ["views", "clicks", "conversions"].map((metric) => {
    const name = metric[0]?.toUpperCase() + metric.slice(1);
    return `sum(claimed_${metric})::text as "claimed${name}",
      coalesce(sum(claimed_${metric}) filter (where verified_${metric} is not null), 0)::text as "comparable${name}",
      (sum(verified_${metric}) filter (where nth = 1))::text as "verified${name}"`;
  });
  const { rows } = await database.pool.query(
    `select platform, post_currency as currency, count(*) filter (where nth = 1) as posts, sum(reports) as reports, sum(spend) filter (where nth = 1) as spend,
            count(spend) filter (where nth = 1) as "postsWithSpend", ${metrics.join(", ")}
       from (select t.*, first_value(t.currency) over same as post_currency, row_number() over same as nth from recon.post_totals t
              where t._client_id = $1 and t.campaign_id = $2
             window same as (partition by t.platform, t.post_key order by t.verified_at desc nulls last, t.post_id)) t
      group by platform, post_currency order by platform, post_currency`,
    [client, campaignId],
  );
  return rows as unknown[];
}

async function plainCounts(column: string, id: string): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    `select verdict, level, count(*) as reports from recon.report_state where _client_id = $1 and ${column} = $2
      group by verdict, level order by verdict nulls last, level nulls first`,
    [client, id],
  );
  return rows as unknown[];
}

async function plainTrend(of: { affiliateId: string; advertiserId: string | null }): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    `select (reconciled_at at time zone 'UTC')::date as date, count(*) as judged,
            count(*) filter (where verdict in ('MATCHED', 'DISCREPANCY') and not says_nothing) as counted,
            count(*) filter (where (verdict = 'MATCHED' and not says_nothing) or level = 'LOW') as accurate
       from recon.report_state s join recon.campaigns c using (_client_id, campaign_id)
      where _client_id = $1 and affiliate_id = $2 and verdict is not null and ($3::text is null or c.advertiser_id = $3)
        and (reconciled_at at time zone 'UTC')::date >= (now() at time zone 'UTC')::date - 2
      group by 1 order by 1`,
    [client, of.affiliateId, of.advertiserId],
  );
  return rows as unknown[];
}
