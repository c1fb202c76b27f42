import type { StoredOrigin } from "../../core/origin.ts";
import { identityOf, type Identity, type Tested } from "../../rules/intelligence/find-opportunities.ts";
import type { OpportunityType } from "../../rules/intelligence/opportunity-cells.ts";
import type { OpportunityState } from "../../rules/intelligence/opportunity-states.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import type { Kept } from "../shared/listed-states.ts";
import { named } from "../shared/named.ts";

/** Where opportunities are kept, with what became of them. */
export const keptOpportunities: Kept = {
  table: "rtb.opportunities",
  id: "opportunity_id",
  changes: "rtb.opportunity_changes",
};

/** On how many nights before the one that ends with `to` each identity was tested. */
export async function readLooks(
  database: Queryable,
  { client, to }: { client: string; to: string },
): Promise<(identity: Identity) => number> {
  const { rows } = await database.query<Identity & { nights: number }>(
    `select insight_type as type, campaign_id as "campaignId", subject, nights - case when last_night < $2 then 0 else 1 end as nights
       from rtb.opportunity_tests where _client_id = $1`,
    [client, to],
  );
  const known = new Map(rows.map(({ nights, ...identity }) => [identityOf(identity), nights]));
  return (identity) => known.get(identityOf(identity)) ?? 0;
}

/** The same window tested again, after a file restated some of it, is the same night. */
export async function recordTests(
  session: Session,
  { client, to }: { client: string; to: string },
  tests: readonly Tested[],
): Promise<void> {
  await session.query(
    `insert into rtb.opportunity_tests as t (_client_id, insight_type, campaign_id, subject, nights, last_night, confidence, p)
     select $1, g.type, g.campaign_id, g.subject, g.nights, $2, g.confidence, g.p
       from unnest($3::text[], $4::bigint[], $5::text[], $6::int[], $7::float8[], $8::float8[]) as g(type, campaign_id, subject, nights, confidence, p)
     on conflict on constraint opportunity_tests_key do update
       set nights = excluded.nights, last_night = greatest(t.last_night, excluded.last_night), confidence = excluded.confidence, p = excluded.p`,
    [
      client,
      to,
      tests.map(({ type }) => type),
      tests.map(({ campaignId }) => campaignId),
      tests.map(({ subject }) => subject),
      tests.map(({ looks }) => looks),
      tests.map(({ confidence }) => confidence),
      tests.map(({ p }) => p),
    ],
  );
}

export interface KnownOpportunity extends Identity {
  opportunityId: number;
  state: OpportunityState;
  reason: string | null;
  by: string | null;
  at: Date;
  snoozedUntil: string | null;
}

export async function readKnown(database: Queryable, { client }: { client: string }): Promise<KnownOpportunity[]> {
  const { rows } = await database.query<KnownOpportunity>(
    `select opportunity_id as "opportunityId", insight_type as type, campaign_id as "campaignId", subject, state,
            state_reason as reason, state_by as by, state_at as at, snoozed_until as "snoozedUntil"
       from rtb.opportunities where _client_id = $1`,
    [client],
  );
  return rows;
}

/** What is stored of one that is listed. */
export interface ListedOpportunity extends Identity {
  currentMetricValue: number;
  referenceValue: number;
  recommendation: string;
  basis: string;
  currentSpendWeekly: string;
  targetSpendWeekly: string;
  savingsWeekly: string;
  savingsWeeklyLow: string;
  confidence: number;
  blockedBy: string | null;
  evidence: unknown;
  origin: StoredOrigin;
}

/** Which column says what it is about. */
const subjectColumns: Record<OpportunityType, { geography: boolean; size: boolean; creative: boolean }> = {
  undervalued_geo: { geography: true, size: false, creative: false },
  size_gap: { geography: false, size: true, creative: false },
  neglected_creative: { geography: false, size: false, creative: true },
  high_cpc_low_spend: { geography: false, size: false, creative: false },
};

export interface SearchRun {
  client: string;
  from: string;
  to: string;
  runId: string;
}

/** Its number and its state stay; figures of one that is done stay what was forecast. */
export async function saveListed(session: Session, run: SearchRun, one: ListedOpportunity): Promise<number> {
  const about = subjectColumns[one.type];
  const { rows } = await session.query<{ id: number }>(
    named(
      `insert into rtb.opportunities as o (_client_id, insight_type, campaign_id, subject, geography, size, creative_id, current_metric_value, reference_value,
              recommendation, basis, current_spend_weekly, target_spend_weekly, potential_savings_weekly, potential_savings_weekly_low, confidence_score,
              blocked_by, window_from, window_to, evidence, held_on, _run_id, origin)
       values (:client, :type, :campaignId, :subject, :geography, :size, :creative, :currentMetricValue, :referenceValue,
              :recommendation, :basis, :currentSpendWeekly, :targetSpendWeekly, :savingsWeekly, :savingsWeeklyLow, :confidence,
              :blockedBy, :from, :to, :evidence, :to, :runId, :origin)
       on conflict on constraint opportunities_part do update
         set current_metric_value = excluded.current_metric_value, reference_value = excluded.reference_value, recommendation = excluded.recommendation,
             basis = excluded.basis, current_spend_weekly = excluded.current_spend_weekly, target_spend_weekly = excluded.target_spend_weekly,
             potential_savings_weekly = excluded.potential_savings_weekly, potential_savings_weekly_low = excluded.potential_savings_weekly_low,
             confidence_score = excluded.confidence_score, blocked_by = excluded.blocked_by, window_from = excluded.window_from, window_to = excluded.window_to,
             evidence = excluded.evidence, held_on = excluded.held_on, updated_at = now(), _run_id = excluded._run_id, origin = excluded.origin
         where o.state <> 'done'
       returning opportunity_id as id`,
      {
        ...run,
        ...one,
        geography: about.geography ? one.subject : null,
        size: about.size ? one.subject : null,
        creative: about.creative ? one.subject : null,
        evidence: JSON.stringify(one.evidence),
      },
    ),
  );
  return rows[0]?.id ?? 0;
}
