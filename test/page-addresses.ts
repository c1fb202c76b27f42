import type { Queryable } from "../schema/database.ts";

export type Who = "admin" | "operator" | "analyst" | "advertiser" | "affiliate";
const keepers: Who[] = ["admin", "operator"];
const staff: Who[] = ["admin", "operator", "analyst"];
const withAdvertiser: Who[] = [...staff, "advertiser"];
const withAffiliate: Who[] = [...staff, "affiliate"];
const all: Who[] = [...staff, "advertiser", "affiliate"];

interface Walked {
  /** An address that shows something on the demo's data; `:name` is filled by its query. */
  address: string;
  who: Who[];
  fill?: Record<string, string>;
  /** What it shows is made by a test of its own. */
  isMade?: boolean;
}

/** The one that most was spent on: others may have creatives that no file reports on. */
export const busiestCampaign = `select k.campaign_id::text as value from rtb.campaigns k
  left join rtb.campaign_days d on d._client_id = k._client_id and d.campaign_id = k.campaign_id
  group by k.campaign_id order by sum(d.spend) desc nulls last, k.campaign_id limit 1`;

/** One with corrections. */
const lastStatement = `select s.statement_id::text as value from payouts.statements s
  left join payouts.statement_totals t on t._client_id = s._client_id and t.statement_id = s.statement_id
  order by coalesce(t.corrections, 0) > 0 desc, s.statement_id desc limit 1`;

/** Every page and export there is, and who may see it. Tests walk them all; a page that is not named here fails one. */
export const walked: Record<string, Walked> = {
  "/": { address: "/", who: staff },
  "/today.csv": { address: "/today.csv?period=30d", who: staff },
  "/spend": { address: "/spend?period=30d&by=day", who: staff },
  "/spend.csv": { address: "/spend.csv?period=30d", who: staff },
  "/why": { address: "/why?period=30d", who: staff },
  "/why.csv": { address: "/why.csv?period=30d", who: staff },
  "/receipts": { address: "/receipts", who: staff },
  "/receipts.csv": { address: "/receipts.csv", who: staff },
  "/receipts/:id": {
    address: "/receipts/:id",
    who: staff,
    fill: {
      id: "select receipt_id::text as value from ops.receipts where _client_id = '713' and updated > 0 order by receipt_id desc limit 1",
    },
  },
  "/changes": { address: "/changes?kind=changed", who: staff },
  "/changes.csv": { address: "/changes.csv", who: staff },
  "/freshness": { address: "/freshness", who: staff },
  "/freshness.csv": { address: "/freshness.csv", who: staff },
  "/freshness/:source/:day": {
    address: "/freshness/:source/:day",
    who: staff,
    fill: {
      source: "select 'redtrack.daily_spend' as value",
      day: "select max(slice) as value from ops.slices where _client_id = '713' and source = 'redtrack.daily_spend' and is_final",
    },
  },
  "/runs": { address: "/runs", who: staff },
  "/runs.csv": { address: "/runs.csv?outcome=failed", who: staff },
  "/runs/:id": {
    address: "/runs/:id",
    who: staff,
    fill: {
      id: "select run_id as value from ops.runs where _client_id = '713' and source = 'redtrack.daily_spend' and outcome <> 'running' order by started_at desc limit 1",
    },
  },
  "/alerts": { address: "/alerts?state=all", who: staff },
  "/alerts.csv": { address: "/alerts.csv?state=all", who: staff },
  "/audit": { address: "/audit", who: ["admin"] },
  "/audit.csv": { address: "/audit.csv", who: ["admin"] },
  "/cost": { address: "/cost?period=30d", who: staff },
  "/cost.csv": { address: "/cost.csv?period=30d", who: staff },
  "/cost/days": { address: "/cost/days?period=7d", who: staff },
  "/cost/days.csv": { address: "/cost/days.csv?period=7d", who: staff },
  "/cost/mapping": { address: "/cost/mapping", who: staff },
  "/cost/mapping.csv": { address: "/cost/mapping.csv?period=30d", who: staff },
  "/cost/mapping/edit": { address: "/cost/mapping/edit?label=G2+-+Meta", who: ["admin", "operator"] },
  "/conversions": { address: "/conversions?period=30d", who: staff },
  "/conversions.csv": { address: "/conversions.csv?period=30d", who: staff },
  "/conversions/everflow": { address: "/conversions/everflow?period=30d", who: staff },
  "/conversions/everflow.csv": { address: "/conversions/everflow.csv?period=30d", who: staff },
  "/conversions/anytrack/:key": {
    address: "/conversions/anytrack/:key",
    who: staff,
    fill: { key: "select conversion_key as value from anytrack.touchpoints order by position desc, 1 limit 1" },
  },
  "/conversions/everflow/:id": {
    address: "/conversions/everflow/:id",
    who: staff,
    fill: { id: "select conversion_id as value from everflow.conversions order by 1 limit 1" },
  },
  "/deliveries": { address: "/deliveries", who: staff },
  "/deliveries.csv": { address: "/deliveries.csv", who: staff },
  "/creatives": { address: "/creatives?period=all", who: staff },
  "/creatives.csv": { address: "/creatives.csv?period=all", who: staff },
  "/creatives/:id": {
    address: "/creatives/:id",
    who: staff,
    fill: { id: "select creative_id as value from rtb.performance order by date desc, 1 limit 1" },
  },
  "/creatives/:id/thumbnail": { address: "/creatives/:id/thumbnail", who: staff, isMade: true },
  "/seats": { address: "/seats", who: staff },
  "/seats.csv": { address: "/seats.csv", who: staff },
  "/waste": { address: "/waste?days=30", who: staff },
  "/waste.csv": { address: "/waste.csv?days=30", who: staff },
  "/waste/sizes.csv": { address: "/waste/sizes.csv?days=30", who: staff },
  "/campaigns": { address: "/campaigns?period=all", who: staff },
  "/campaigns.csv": { address: "/campaigns.csv?period=all", who: staff },
  "/campaigns/suggestions": { address: "/campaigns/suggestions", who: keepers },
  "/campaigns/:id": {
    address: "/campaigns/:id?period=all",
    who: staff,
    fill: { id: busiestCampaign },
  },
  "/campaigns/:id/creatives.csv": {
    address: "/campaigns/:id/creatives.csv?sortMembers=creativeId",
    who: staff,
    fill: { id: busiestCampaign },
  },
  "/tie-out": { address: "/tie-out?period=30d", who: staff },
  "/tie-out.csv": { address: "/tie-out.csv?period=30d", who: staff },
  "/tie-out/days.csv": { address: "/tie-out/days.csv?period=30d", who: staff },
  "/tie-out/resend": { address: "/tie-out/resend?period=30d", who: keepers },
  "/findings": { address: "/findings?state=all", who: staff },
  "/findings.csv": { address: "/findings.csv?state=all", who: staff },
  "/findings/:id": {
    address: "/findings/:id",
    who: staff,
    fill: { id: "select finding_id::text as value from findings.findings order by at_stake desc, 1 limit 1" },
  },
  "/findings/:id.csv": {
    address: "/findings/:id.csv",
    who: staff,
    fill: { id: "select finding_id::text as value from findings.findings order by at_stake desc, 1 limit 1" },
  },
  "/opportunities": { address: "/opportunities?state=all&blocked=true", who: staff },
  "/opportunities.csv": { address: "/opportunities.csv?state=all&blocked=true", who: staff },
  "/pretargeting": { address: "/pretargeting", who: staff },
  "/pretargeting.csv": { address: "/pretargeting.csv", who: staff },
  "/pretargeting/:id": { address: "/pretargeting/:id", who: staff, isMade: true },
  "/opportunities/scorecard": { address: "/opportunities/scorecard", who: staff },
  "/opportunities/scorecard.csv": { address: "/opportunities/scorecard.csv", who: staff },
  "/opportunities/countries": { address: "/opportunities/countries", who: staff },
  "/opportunities/countries.csv": { address: "/opportunities/countries.csv", who: staff },
  "/opportunities/:id": {
    address: "/opportunities/:id",
    who: staff,
    fill: {
      id: "select opportunity_id::text as value from rtb.opportunities order by potential_savings_weekly desc, 1 limit 1",
    },
  },
  "/questions": { address: "/questions", who: staff },
  "/questions.csv": { address: "/questions.csv", who: staff },
  "/questions/ask": {
    address:
      "/questions/ask?subject=campaign&metric=cpc&with=slice&side=above&far=50&slice=country&slice_values=IE&days=60",
    who: staff,
  },
  "/questions/answer.csv": {
    address: `/questions/answer.csv?question=${encodeURIComponent('{"subject":"format","metric":"ctr"}')}`,
    who: staff,
  },
  "/questions/:id": {
    address: "/questions/:id",
    who: staff,
    fill: { id: "select max(question_id)::text as value from rtb.questions" },
  },
  "/promo": { address: "/promo?days=90", who: staff },
  "/promo.csv": { address: "/promo.csv?days=90", who: staff },
  "/promo/new": { address: "/promo/new", who: keepers },
  "/promo/offers/:id": {
    address: "/promo/offers/:id?days=90",
    who: staff,
    fill: { id: "select id::text as value from promo.promo_offers order by total_impressions desc, id limit 1" },
  },
  "/channels": { address: "/channels", who: staff },
  "/channels/new": { address: "/channels/new", who: ["admin", "operator"] },
  "/channels/:id": {
    address: "/channels/:id",
    who: staff,
    fill: { id: "select channel_id::text as value from ops.channels order by channel_id limit 1" },
  },
  "/channels/:id/deliveries.csv": {
    address: "/channels/:id/deliveries.csv?sort=-attempts",
    who: staff,
    fill: { id: "select channel_id::text as value from ops.channels order by channel_id limit 1" },
  },
  "/files": { address: "/files", who: staff },
  "/files.csv": { address: "/files.csv", who: staff },
  "/files/upload": { address: "/files/upload", who: keepers },
  // Of a file that was just uploaded: its own test opens it.
  "/files/preview/:id": { address: "/files/preview/:id", who: keepers, isMade: true },
  "/files/:id": {
    address: "/files/:id",
    who: staff,
    fill: { id: "select file_id::text as value from ops.files order by rejected desc, file_id limit 1" },
  },
  "/files/:id/rejected.csv": { address: "/files/:id/rejected.csv", who: staff },
  "/quarantine": { address: "/quarantine?state=all", who: staff },
  "/quarantine.csv": { address: "/quarantine.csv", who: staff },
  "/quarantine/:id": {
    address: "/quarantine/:id",
    who: keepers,
    fill: { id: "select quarantine_id::text as value from ops.quarantine order by quarantine_id limit 1" },
  },
  "/reconciliation": { address: "/reconciliation", who: withAdvertiser },
  "/reconciliation/queue": { address: "/reconciliation/queue", who: withAdvertiser },
  "/reconciliation/queue.csv": { address: "/reconciliation/queue.csv", who: withAdvertiser },
  "/reconciliation/reports/:id": {
    address: "/reconciliation/reports/:id",
    who: withAdvertiser,
    fill: {
      id: "select report_id::text as value from recon.report_state where level = 'HIGH' order by report_id limit 1",
    },
  },
  "/reconciliation/reports/:id/evidence": {
    address: "/reconciliation/reports/:id/evidence",
    who: ["admin", "operator"],
    fill: { id: "select report_id::text as value from recon.report_evidence order by report_id limit 1" },
  },
  "/reconciliation/campaigns/:id": {
    address: "/reconciliation/campaigns/:id",
    who: withAdvertiser,
    fill: { id: "select campaign_id::text as value from recon.campaigns order by campaign_id limit 1" },
  },
  "/reconciliation/affiliates": { address: "/reconciliation/affiliates", who: staff },
  "/reconciliation/affiliates.csv": { address: "/reconciliation/affiliates.csv", who: staff },
  "/reconciliation/affiliates/:id": {
    address: "/reconciliation/affiliates/:id",
    who: withAdvertiser,
    fill: { id: "select affiliate_id::text as value from recon.affiliates order by affiliate_id limit 1" },
  },
  "/reconciliation/platforms": { address: "/reconciliation/platforms", who: staff },
  "/statements": { address: "/statements", who: withAffiliate },
  "/statements.csv": { address: "/statements.csv", who: withAffiliate },
  "/statements/affiliates": { address: "/statements/affiliates", who: staff },
  "/statements/affiliates/:id": {
    address: "/statements/affiliates/:id",
    who: staff,
    fill: { id: "select affiliate_id as value from everflow.daily_stats order by 1 limit 1" },
  },
  "/statements/:id": { address: "/statements/:id", who: withAffiliate, fill: { id: lastStatement } },
  "/statements/:id/html": { address: "/statements/:id/html", who: withAffiliate, isMade: true },
  "/statements/:id/csv": { address: "/statements/:id/csv", who: withAffiliate, isMade: true },
  "/statements/:id/json": { address: "/statements/:id/json", who: withAffiliate, isMade: true },
  "/statements/drafts/:month/:affiliate": {
    address: "/statements/drafts/:month/:affiliate",
    who: staff,
    fill: {
      month: "select to_char(max(date), 'YYYY-MM') as value from everflow.conversions where _client_id = '713'",
      affiliate: "select affiliate_id as value from everflow.conversions order by date desc, payout desc limit 1",
    },
  },
  "/claims": { address: "/claims", who: ["affiliate"] },
  "/claims.csv": { address: "/claims.csv", who: ["affiliate"] },
  "/claims/:id": { address: "/claims/:id", who: ["affiliate"] },
  "/sessions": { address: "/sessions", who: all },
  "/sessions.csv": { address: "/sessions.csv?sort=-createdAt", who: all },
};

/** The pages' addresses with what this database holds: no exports. */
export async function readAddresses(database: Queryable): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const [route, { address, who, fill = {}, isMade }] of Object.entries(walked)) {
    if (route.endsWith(".csv") || !who.includes("admin") || isMade === true) continue;
    let filled = address;
    for (const [name, statement] of Object.entries(fill)) {
      const { rows } = await database.query<{ value: string }>(statement);
      if (rows[0] === undefined) throw new Error(`${route}: the demo's data has no ${name}: ${statement}`);
      filled = filled.replace(`:${name}`, encodeURIComponent(rows[0].value));
    }
    found.push([route, filled]);
  }
  return found;
}
