import { client, items, today, walkedId, type Source } from "./sql-source.ts";

const finding = walkedId("/findings/:id");
const opportunity = walkedId("/opportunities/:id");
const statement = walkedId("/statements/:id");
/** The period of as many days that ends before `$1`. */
const dayBefore = "$1::date - 1";
const before = "$1::date - ($2::date - $1::date + 1)";

const owedColumns = `approved, round(approved_amount, 2) as "approvedAmount", pending, rejected, round(held_amount, 2) as "heldAmount",
  round(new_amount, 2) as "newAmount", corrections, round(corrections_amount, 2) as "correctionsAmount", round(owed, 2) as owed`;
const owedInAll = (from: string): Source => ({
  name: "owed in all",
  rows: /^totals\.(\d+)\./,
  sql: `select ${owedColumns} from ${from}`,
  isWhole: true,
});

/** What stands above findings and opportunities: how many, and what they come to. */
const inAll = (columns: string, from: string): Source => ({
  name: "totals above the list",
  rows: /^()/,
  of: /\/totals/,
  sql: `select ${columns} from ${from}`,
  isWhole: true,
});

/** Pages of money that is explained, owed, missing or could be saved: the tables and views of their figures. */
export const sourcesOfMoney: Record<string, Source[]> = {
  "/": [
    {
      name: "what is known of days that are not over",
      rows: items,
      of: /outlook/,
      sql: `select d.day::text as day, m.metric, m.known
              from (select date as day, currency, round(sum(final_cost), 2) as cost, sum(ef_conversions) as conversions, round(sum(revenue), 2) as revenue,
                           round(sum(final_cost) / nullif(sum(ef_conversions) filter (where final_cost is not null), 0), 2) as cpa
                      from public.cpa_figures where ${client} and date between ${today} - 1 and ${today} group by date, currency, origin = 'sandbox') d
             cross join lateral (values ('cpa', d.cpa), ('cost', d.cost), ('conversions', d.conversions), ('revenue', d.revenue)) m(metric, known)`,
    },
  ],
  "/why": [
    {
      name: "a change",
      rows: items,
      sql: `select distinct before, after, change from public.explain_change('713', 'cpa', $1, $2, ${before}, ${dayBefore})`,
      isWhole: true,
    },
    {
      name: "parts of a change",
      rows: /^items\.(\d+\.parts\.\d+)\./,
      sql: `select part, amount from public.explain_change('713', 'cpa', $1, $2, ${before}, ${dayBefore})`,
      isWhole: true,
    },
  ],
  "/findings": [
    {
      name: "findings",
      rows: items,
      sql: `select subject_name as "subjectName", kind, at_stake as "atStake", cases, last_day as "lastDay", state from findings.findings where ${client}`,
      isWhole: true,
    },
    inAll("count(*) as count", `findings.findings where ${client}`),
    {
      name: "at stake in all",
      rows: /^amounts\.(\d+)\./,
      of: /\/totals/,
      sql: `select count(*) as count, sum(at_stake) as "atStake" from findings.findings where ${client} group by currency`,
      isWhole: true,
    },
  ],
  "/findings/:id": [
    {
      name: "a finding",
      rows: /^()/,
      of: /findings\/\d+$/,
      sql: `select at_stake as "atStake", cases from findings.findings where finding_id = ${finding}::bigint`,
      isWhole: true,
    },
    {
      name: "rows of a finding",
      rows: items,
      of: /evidence/,
      sql: `select position, date, item, said_by as "saidBy", round(amount, 2) as amount, at_stake as "atStake" from findings.finding_rows where finding_id = ${finding}::bigint`,
    },
  ],
  "/opportunities": [
    {
      name: "opportunities",
      rows: items,
      sql: `select insight_type as type, round(current_metric_value, 4) as current, round(reference_value, 4) as reference,
                   potential_savings_weekly as "savingsWeekly", potential_savings_weekly_low as "savingsWeeklyLow", state from rtb.opportunities where ${client}`,
    },
    inAll(
      `count(*) as count, sum(potential_savings_weekly) as "savingsWeekly", sum(potential_savings_weekly_low) as "savingsWeeklyLow"`,
      `rtb.opportunities where ${client}`,
    ),
  ],
  "/opportunities/:id": [
    {
      name: "an opportunity",
      rows: /^()/,
      sql: `select potential_savings_weekly as "savingsWeekly", potential_savings_weekly_low as "savingsWeeklyLow", current_spend_weekly as "currentSpendWeekly",
                   target_spend_weekly as "targetSpendWeekly" from rtb.opportunities where opportunity_id = ${opportunity}::bigint`,
      isWhole: true,
    },
    {
      name: "days of an opportunity",
      rows: /^days\.(\d+)\./,
      sql: `select date, clicks, round(spend, 2) as spend, rest_clicks as "restClicks", round(rest_spend, 2) as "restSpend"
              from rtb.opportunity_days('713', ${opportunity}::bigint)`,
      isWhole: true,
    },
  ],
  "/statements": [
    {
      name: "owed",
      rows: items,
      sql: `select ${owedColumns} from payouts.owed where ${client} and month = ($1 || '-01')::date`,
      isWhole: true,
    },
    {
      name: "owed per currency",
      rows: /^totals\.(\d+)\./,
      sql: `select count(distinct affiliate_id) as affiliates, round(sum(owed), 2) as owed, sum(round(held_amount, 2)) as "heldAmount", sum(round(corrections_amount, 2)) as "correctionsAmount"
              from payouts.owed where ${client} and month = ($1 || '-01')::date and currency is not null group by currency`,
      isWhole: true,
    },
  ],
  "/statements/:id": [
    owedInAll(`payouts.statement_totals where statement_id = ${statement}::bigint`),
    {
      name: "lines of a statement",
      rows: items,
      // What is held stands in a list of its own, too.
      of: /kind=/,
      sql: `select date, key, status, round(amount, 2) as amount, round(held, 2) as held, receipt_id as "receiptId"
              from payouts.statement_lines where statement_id = ${statement}::bigint and kind <> 'claim'`,
    },
  ],
  "/statements/drafts/:month/:affiliate": [
    owedInAll(
      `payouts.draft_totals('713', (${walkedId("/statements/drafts/:month/:affiliate", "month")} || '-01')::date, ${walkedId("/statements/drafts/:month/:affiliate", "affiliate")}, false)`,
    ),
  ],
  "/creatives/:id": [
    {
      name: "spend per day of a creative",
      rows: items,
      of: /\/days/,
      sql: `select round(sum(p.spend), 2) as spend from generate_series((now() at time zone 'UTC')::date - ($1::int - 1), (now() at time zone 'UTC')::date, interval '1 day') d
              left join rtb.performance_metrics p on p.${client} and p.date = d::date
               and p.creative_id = (select id from rtb.creatives where ${client} and creative_id = ${walkedId("/creatives/:id")} limit 1) group by d`,
      isWhole: true,
    },
    {
      name: "periods of a creative",
      rows: /^performance\.(\d+)\./,
      sql: `select period, round(spend, 2) as spend, impressions, clicks, round(spend / nullif(clicks, 0), 4) as cpc from rtb.creative_periods
             where ${client} and creative_id = ${walkedId("/creatives/:id")}`,
      isWhole: true,
    },
  ],
};
