import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { databaseBefore, type OldDatabase } from "../test/old-database.ts";
import { migrateDatabase } from "./migrate.ts";

jest.setTimeout(60_000);

let old: OldDatabase;
beforeAll(async () => void (old = await databaseBefore(/_trust_by_post$/)));
afterAll(() => old.drop());

test("trust that was stored by report is computed again by post, and whoever falls by it is shown", async () => {
  await old.client.query(`
    insert into recon.campaigns (_client_id, advertiser_id, name) values ('713', 'a', 'c');
    insert into recon.platforms (_client_id, platform) values ('713', 'meta');
    insert into recon.affiliates (_client_id, name, trust_score, total_submissions, accurate_submissions)
      values ('713', 'washed', 0.95, 42, 40), ('713', 'honest', 1.00, 2, 2), ('713', 'new', 1.00, 0, 0), ('713', 'settled', 1.00, 1, 1);
    insert into recon.affiliate_tokens (_client_id, affiliate_id, platform, sealed) values ('713', 1, 'meta', '\\x01');
    insert into recon.posts (_client_id, campaign_id, affiliate_id, platform, url) values
      ('713', 1, 1, 'meta', 'false'), ('713', 1, 1, 'meta', 'true'), ('713', 1, 2, 'meta', 'b'), ('713', 1, 2, 'meta', 'c'), ('713', 1, 4, 'meta', 'd');
    insert into recon.affiliate_reports (_client_id, post_id, affiliate_id, claimed_views, claimed_clicks, claimed_conversions, submission_method, submission_key, content_hash)
      select '713', p, a, 1, 1, 1, 'API', 'API:k' || i, 'h'
        from (select i, case when i <= 2 then 1 when i <= 42 then 2 else i - 40 end as p, case when i <= 42 then 1 when i <= 44 then 2 else 4 end as a from generate_series(1, 45) i) r order by i;
    insert into recon.reconciliation_logs (_client_id, report_id, attempt, post_id, affiliate_id, verdict, level, counts_for_trust, is_accurate,
           claimed_views, claimed_clicks, claimed_conversions, verified_views, reason, workflow_id, _run_id)
      select '713', report_id, 1, post_id, affiliate_id, case when bad then 'DISCREPANCY' else 'MATCHED' end, case when bad then 'HIGH' end, true, not bad, 1, 1, 1, 1, 'r', 'w', 'run'
        from (select *, report_id <= 2 or report_id = 45 as bad from recon.affiliate_reports) r order by report_id;
    insert into recon.report_state (_client_id, report_id, post_id, campaign_id, affiliate_id, platform, state, log_id, verdict, level)
      select '713', r.report_id, r.post_id, 1, r.affiliate_id, 'meta', 'RECONCILED', l.log_id, l.verdict, l.level
        from recon.affiliate_reports r join recon.reconciliation_logs l using (_client_id, report_id);
    insert into recon.disputes (_client_id, log_id, report_id, affiliate_id, reason, outcome, settled_at, settled_by)
      select '713', log_id, report_id, 4, 'no', 'affiliate', now(), 'ada' from recon.reconciliation_logs where report_id = 45;
    insert into recon.post_totals (_client_id, post_id, campaign_id, affiliate_id, platform, reports, latest_report_id, claimed_views, claimed_clicks, claimed_conversions)
      select '713', post_id, 1, affiliate_id, 'meta', count(*), max(report_id), 1, 1, 1 from recon.affiliate_reports group by post_id, affiliate_id`);
  await migrateDatabase(old.url);
  const { rows } = await old.client.query(
    `select a.name, a.trust_score, a.total_submissions as total, a.accurate_submissions as accurate, t.trust_score = a.trust_score as same
       from recon.affiliates a join recon.affiliate_trust t using (_client_id, affiliate_id) order by affiliate_id`,
  );
  expect(rows).toEqual([
    { name: "washed", trust_score: "0.50", total: 2, accurate: 1, same: true },
    { name: "honest", trust_score: "1.00", total: 2, accurate: 2, same: true },
    { name: "new", trust_score: "1.00", total: 0, accurate: 0, same: true },
    { name: "settled", trust_score: "1.00", total: 1, accurate: 1, same: true },
  ]);
  expect((await old.client.query("select kind, subject, severity from ops.alerts")).rows).toEqual([
    { kind: "trust_low", subject: "affiliate/1", severity: "warning" },
  ]);
});
