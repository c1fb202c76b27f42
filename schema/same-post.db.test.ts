import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { databaseBefore, type OldDatabase } from "../test/old-database.ts";
import { migrateDatabase } from "./migrate.ts";

jest.setTimeout(60_000);

let old: OldDatabase;
beforeAll(async () => void (old = await databaseBefore(/_same_post$/)));
afterAll(() => old.drop());

/** One claim of each post, judged; in order of post. */
const claims = [
  // An ad in three spellings: twice of one affiliate, once of another.
  { post: 1, affiliate: 1, claimed: 500, verified: 500 },
  { post: 2, affiliate: 1, claimed: 500, verified: 500 },
  { post: 3, affiliate: 2, claimed: 500, verified: 500 },
  // A lie among claims that say nothing.
  { post: 4, affiliate: 3, claimed: 9_000, verified: 100 },
  { post: 5, affiliate: 3, claimed: 1, verified: 1_000 },
  { post: 6, affiliate: 3, claimed: 0, verified: 1_000 },
  { post: 7, affiliate: 3, claimed: 2, verified: 1_000 },
  // Settled for the affiliate at its first attempt, and judged again after.
  { post: 8, affiliate: 4, claimed: 9_000, verified: 100 },
];

test("posts that are one are merged, and trust that was stored is computed again, with alerts for whoever falls by it", async () => {
  await old.client.query(`
    insert into recon.campaigns (_client_id, advertiser_id, name) values ('713', 'a', 'c');
    insert into recon.platforms (_client_id, platform) values ('713', 'meta');
    insert into recon.affiliates (_client_id, name, trust_score, total_submissions, accurate_submissions)
      values ('713', 'thrice', 1.00, 2, 2), ('713', 'second', 1.00, 1, 1), ('713', 'washed', 0.75, 4, 3), ('713', 'settled', 0.00, 1, 0);
    insert into recon.posts (_client_id, campaign_id, affiliate_id, platform, url, platform_post_id) values
      ('713', 1, 1, 'meta', 'campaigns?ids=12345', '12345'), ('713', 1, 1, 'meta', 'ads?ids=012345', '012345'), ('713', 1, 2, 'meta', 'adsets?ids=12345', '12345');
    insert into recon.posts (_client_id, campaign_id, affiliate_id, platform, url, platform_post_id)
      select '713', 1, case when i = 8 then 4 else 3 end, 'meta', 'u' || i, '9900' || i from generate_series(4, 8) i;
    insert into recon.posts (_client_id, campaign_id, affiliate_id, platform, url, is_share_link, joined_post_id) values ('713', 1, 1, 'meta', 'fb.watch/x', true, 1);`);
  for (const [index, { post, affiliate, claimed, verified }] of claims.entries()) {
    const report = index + 1;
    await old.client.query(`
      insert into recon.affiliate_reports (_client_id, post_id, affiliate_id, claimed_views, claimed_clicks, claimed_conversions, submission_method, submission_key, content_hash)
        values ('713', ${post}, ${affiliate}, ${claimed}, 0, 0, 'API', 'API:${report}', 'h');
      insert into recon.platform_reports (_client_id, post_id, platform, report_id, attempt, views, spend, currency) values ('713', ${post}, 'meta', ${report}, 1, ${verified}, 5, 'USD');`);
    for (const attempt of report === 8 ? [1, 2] : [1])
      await old.client.query(`
        insert into recon.reconciliation_logs (_client_id, report_id, attempt, post_id, affiliate_id, verdict, level, counts_for_trust, is_accurate,
               claimed_views, claimed_clicks, claimed_conversions, verified_views, reason, workflow_id, _run_id)
          values ('713', ${report}, ${attempt}, ${post}, ${affiliate}, ${claimed > verified ? "'DISCREPANCY', 'HIGH', true, false" : "'MATCHED', null, true, true"},
                  ${claimed}, 0, 0, ${verified}, 'r', 'w', 'run')`);
    await old.client.query(`
      insert into recon.report_state (_client_id, report_id, post_id, campaign_id, affiliate_id, platform, state, attempt, log_id, verdict, level)
        select '713', report_id, post_id, 1, affiliate_id, 'meta', 'RECONCILED', attempt, log_id, verdict, level
          from recon.reconciliation_logs where report_id = ${report} order by attempt desc limit 1;
      insert into recon.post_totals (_client_id, post_id, campaign_id, affiliate_id, platform, reports, latest_report_id, claimed_views, claimed_clicks, claimed_conversions)
        values ('713', ${post}, 1, ${affiliate}, 'meta', 1, ${report}, ${claimed}, 0, 0);`);
  }
  await old.client
    .query(`insert into recon.disputes (_client_id, log_id, report_id, affiliate_id, reason, outcome, settled_at, settled_by)
    select '713', log_id, 8, 4, 'no', 'affiliate', now(), 'ada' from recon.reconciliation_logs where report_id = 8 and attempt = 1`);

  await migrateDatabase(old.url);

  const rows = async (statement: string) => (await old.client.query<Record<string, unknown>>(statement)).rows;
  expect(
    await rows(`select a.name, a.trust_score || ' of ' || a.total_submissions as trust, t.trust_score = a.trust_score and t.total_submissions = a.total_submissions as same
                  from recon.affiliates a join recon.affiliate_trust t using (_client_id, affiliate_id) order by affiliate_id`),
  ).toEqual([
    { name: "thrice", trust: "1.00 of 1", same: true },
    { name: "second", trust: "1.00 of 0", same: true },
    { name: "washed", trust: "0.00 of 1", same: true },
    { name: "settled", trust: "1.00 of 1", same: true },
  ]);
  // The one of the two that the platform was asked about last.
  expect(
    await rows(`select post_id::int as post, reports, latest_report_id::int as latest, verified_views::int as views
                  from recon.post_totals where affiliate_id = 1`),
  ).toEqual([{ post: 2, reports: 2, latest: 2, views: 500 }]);
  expect(
    await rows(`select post_id::int as post, joined_post_id::int as joined from recon.posts
                 where affiliate_id = 1 order by post_id`),
  ).toEqual([
    { post: 1, joined: 2 },
    { post: 2, joined: null },
    { post: 9, joined: 2 },
  ]);
  expect(
    await rows("select report_id::int as report, trust from recon.reports where affiliate_id > 1 order by 1"),
  ).toEqual([
    { report: 3, trust: "claimed_before" },
    { report: 4, trust: "too_high" },
    ...[5, 6, 7].map((report) => ({ report, trust: "says_nothing" })),
    { report: 8, trust: "accurate" },
  ]);
  expect(await rows("select kind, subject from ops.alerts")).toEqual([{ kind: "trust_low", subject: "affiliate/3" }]);
  await expect(old.client.query("update recon.reconciliation_logs set reason = 'x'")).rejects.toThrow(
    "only ever grows",
  );
});
