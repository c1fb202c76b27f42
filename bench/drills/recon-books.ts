import { setTimeout as wait } from "node:timers/promises";
import { trustAlertBelow } from "../../rules/recon/trust-threshold.ts";
import type { Database } from "../../schema/database.ts";

/** Waits until every report has its verdict. */
export async function untilJudged(database: Database, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const { rows } = await database.query<{ open: number; states: string }>(
      `select coalesce(sum(reports), 0)::int as open, string_agg(reports || ' ' || state, ', ') as states
         from (select state, count(*)::int as reports from recon.report_state where state <> 'RECONCILED' group by state) s`,
    );
    const [left] = rows;
    if (left === undefined || left.open === 0) return;
    if (Date.now() > deadline) throw new Error(`no verdict after ${patienceMs / 1_000} s: ${left.states}`);
    await wait(250);
  }
}

export interface Expected {
  /** Submissions that differ: one report each. */
  distinct: number;
  /** Posts that two affiliates claim. */
  shared: number;
}

/** One report per distinct submission, one log per report and attempt, trust as the logs have it, no alert twice. */
export async function checkBooks(
  database: Database,
  { distinct, shared }: Expected,
): Promise<{ isGood: boolean; /** What differs, in words for a table. */ off: string; found: Record<string, number> }> {
  const { rows } = await database.query<Record<string, number>>(
    `select (select count(*)::int from recon.affiliate_reports) as reports,
            (select count(*)::int from recon.reconciliation_logs) as logs,
            (select sum(total_submissions)::int from recon.affiliates) as counted,
            (select count(*)::int from ops.alerts where area = 'recon' and kind = 'shared_url') as "sharedAlerts",
            (select count(*)::int from recon.report_state where level = 'HIGH') as high,
            (select count(*)::int from recon.report_state where level = 'MEDIUM') as medium,
            (select count(*)::int from recon.affiliates where trust_score < $1::numeric) as distrusted,
            (select count(*)::int from (select from recon.reconciliation_logs group by _client_id, report_id, attempt having count(*) > 1) d) as "logsTwice",
            (select count(*)::int from recon.affiliate_reports r where not exists (select from recon.reconciliation_logs l where l.report_id = r.report_id)) as "withoutLog",
            (select count(*)::int from (select from recon.platform_reports group by _client_id, report_id, attempt having count(*) > 1) d) as "fetchedTwice",
            (select count(*)::int from recon.affiliates a join recon.affiliate_trust t using (_client_id, affiliate_id)
              where (a.total_submissions, a.accurate_submissions, a.trust_score)
                    is distinct from (t.total_submissions, t.accurate_submissions, t.trust_score)) as "trustOff",
            (select count(*)::int from recon.report_state s
              where (level = 'HIGH') <> exists (select from ops.alerts a where a.kind = 'high_discrepancy' and a.subject = 'report/' || s.report_id)
                 or (level = 'MEDIUM') <> exists (select from ops.alerts a where a.kind = 'medium_discrepancy' and a.subject = 'report/' || s.report_id)) as "verdictAlertsOff",
            (select count(*)::int from recon.affiliates f
              where (trust_score < $1::numeric)
                    <> exists (select from ops.alerts a where a.kind = 'trust_low' and a.subject = 'affiliate/' || f.affiliate_id and a.resolved_at is null)) as "trustAlertsOff",
            (select count(*)::int from (select from ops.alerts where area = 'recon' and kind <> 'trust_low' group by kind, subject having count(*) > 1) d)
          + (select count(*)::int from (select from ops.alerts where area = 'recon' and resolved_at is null group by kind, subject having count(*) > 1) d) as "alertsTwice",
            (select count(*)::int from ops.alerts where area = 'recon' and subject like 'report/%' and times_seen > 1) as "alertsSeenTwice"`,
    [trustAlertBelow],
  );
  const found = rows[0] ?? {};
  const none = ["logsTwice", "withoutLog", "fetchedTwice", "trustOff"];
  const noneOfAlerts = ["verdictAlertsOff", "trustAlertsOff", "alertsTwice", "alertsSeenTwice"];
  const wanted: Record<string, number> = {
    reports: distinct,
    logs: distinct,
    // A post that two claim counts for the first of them.
    counted: distinct - shared,
    sharedAlerts: shared,
    ...Object.fromEntries([...none, ...noneOfAlerts].map((name) => [name, 0])),
  };
  const wrong = Object.entries(wanted).filter(([name, count]) => found[name] !== count);
  return {
    isGood: wrong.length === 0,
    off: wrong.map(([name, count]) => `; ${name} ${found[name]} and not ${count}`).join(""),
    found,
  };
}
