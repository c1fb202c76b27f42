import type { StoredOrigin } from "../../core/origin.ts";
import type { OpportunityType } from "../../rules/intelligence/opportunity-cells.ts";
import type { OpportunityState } from "../../rules/intelligence/opportunity-states.ts";
import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";
import { nameSql } from "../rtb/creative-shapes.ts";

/** One opportunity as people read it: money rounded to the cent, prices with four places. */
export interface OpportunityRow {
  opportunityId: number;
  type: OpportunityType;
  campaignId: number;
  /** Null for a campaign that is gone. */
  campaignName: string | null;
  geography: string | null;
  size: string | null;
  creativeId: string | null;
  state: OpportunityState;
  stateReason: string | null;
  stateBy: string | null;
  stateAt: Date;
  snoozedUntil: string | null;
  doneOn: string | null;
  metric: string;
  current: string;
  reference: string;
  recommendation: string;
  basis: string;
  currentSpendWeekly: string;
  targetSpendWeekly: string;
  savingsWeekly: string;
  savingsWeeklyLow: string;
  confidence: number;
  blockedBy: string | null;
  windowFrom: string;
  windowTo: string;
  heldOn: string;
  createdAt: Date;
  updatedAt: Date;
  origin: StoredOrigin;
}

/** With the name that the campaign has now; of one that is gone, with its last. */
const recommendationSql =
  "coalesce((o.evidence -> 'aroundName' ->> 0) || k.campaign_name || (o.evidence -> 'aroundName' ->> 1), o.recommendation)";

const columns = `o.opportunity_id as "opportunityId", o.insight_type as type, o.campaign_id as "campaignId", k.campaign_name as "campaignName",
  o.geography, o.size, case when o.creative_id is not null then ${nameSql("c")} end as "creativeId",
  o.state, o.state_reason as "stateReason", o.state_by as "stateBy", o.state_at as "stateAt", o.snoozed_until as "snoozedUntil", o.done_on as "doneOn",
  o.current_metric_name as metric, round(o.current_metric_value, 4) as current, round(o.reference_value, 4) as reference, ${recommendationSql} as recommendation, o.basis,
  o.current_spend_weekly as "currentSpendWeekly", o.target_spend_weekly as "targetSpendWeekly",
  o.potential_savings_weekly as "savingsWeekly", o.potential_savings_weekly_low as "savingsWeeklyLow", o.confidence_score as confidence,
  o.blocked_by as "blockedBy", o.window_from as "windowFrom", o.window_to as "windowTo", o.held_on as "heldOn",
  o.created_at as "createdAt", o.updated_at as "updatedAt", o.origin`;

const joined = `rtb.opportunities o
  left join rtb.campaigns k on k._client_id = o._client_id and k.campaign_id = o.campaign_id
  left join rtb.creatives c on c._client_id = o._client_id and c.id = o.creative_id`;

export interface OpportunityFilter {
  client: string;
  type: OpportunityType | null;
  campaignId: number | null;
  minSavings: string | null;
  states: readonly OpportunityState[];
  /** Whether those are among them that their quality speaks against. */
  blocked: boolean;
}

const filtered = `o._client_id = :client and (:type::text is null or o.insight_type = :type) and (:campaignId::bigint is null or o.campaign_id = :campaignId)
  and (:minSavings::numeric is null or o.potential_savings_weekly >= :minSavings) and o.state = any(:states) and (:blocked::boolean or o.blocked_by is null)`;

/** The greatest savings first, or by what was found. */
export const opportunityOrders = {
  by: {
    campaignName: [{ sql: "lower(k.campaign_name)", type: "text", canBeMissing: true }],
    current: [{ sql: "o.current_metric_value", type: "number" }],
    reference: [{ sql: "o.reference_value", type: "number" }],
    savingsWeekly: [{ sql: "o.potential_savings_weekly", type: "number" }],
    savingsWeeklyLow: [{ sql: "o.potential_savings_weekly_low", type: "number" }],
    confidence: [{ sql: "o.confidence_score::numeric", type: "number" }],
  },
  then: [{ sql: "o.opportunity_id", type: "whole", always: "up" }],
  usual: "-savingsWeekly",
} satisfies Orders;

export function listOpportunities(
  database: Queryable,
  filter: OpportunityFilter,
  { order, limit }: { order?: Order; limit: number },
): Promise<Placed<OpportunityRow>[]> {
  return readOrdered<OpportunityRow>(database, {
    ...{ columns, from: joined, where: filtered, values: { ...filter } },
    ...{ orders: opportunityOrders, order, limit },
  });
}

export interface OpportunityTotals {
  count: number;
  savingsWeekly: string;
  savingsWeeklyLow: string;
}

export async function totalOpportunities(database: Queryable, filter: OpportunityFilter): Promise<OpportunityTotals> {
  const { rows } = await database.query<OpportunityTotals>(
    named(
      `select count(*)::int as count, coalesce(sum(o.potential_savings_weekly), 0) as "savingsWeekly",
              coalesce(sum(o.potential_savings_weekly_low), 0) as "savingsWeeklyLow" from ${joined} where ${filtered}`,
      { ...filter },
    ),
  );
  return rows[0] ?? { count: 0, savingsWeekly: "0.00", savingsWeeklyLow: "0.00" };
}

export type FoundOpportunity = OpportunityRow & { evidence: unknown; runId: string; workflowId: string | null };

export async function findOpportunity(
  database: Queryable,
  of: { client: string; opportunityId: number },
): Promise<FoundOpportunity | null> {
  const { rows } = await database.query<FoundOpportunity>(
    `select ${columns}, o.evidence, o._run_id as "runId", r.workflow_id as "workflowId"
       from ${joined} left join rtb.opportunity_runs r on r._client_id = o._client_id and r._run_id = o._run_id
      where o._client_id = $1 and o.opportunity_id = $2`,
    [of.client, of.opportunityId],
  );
  return rows[0] ?? null;
}

/** A day of the part, and of what it is held against. Counts and amounts are exact, as text. */
export interface OpportunityDay {
  date: string;
  clicks: string;
  spend: string;
  impressions: string;
  restClicks: string;
  restSpend: string;
  restImpressions: string;
}

export async function readOpportunityDays(
  database: Queryable,
  of: { client: string; opportunityId: number; from?: string; to?: string; ofItself?: boolean },
): Promise<OpportunityDay[]> {
  const { rows } = await database.query<OpportunityDay>(
    `select date, clicks, spend, impressions, rest_clicks as "restClicks", rest_spend as "restSpend", rest_impressions as "restImpressions"
       from rtb.opportunity_days($1, $2, $3, $4, $5)`,
    [of.client, of.opportunityId, of.from ?? null, of.to ?? null, of.ofItself ?? false],
  );
  return rows;
}

/** What was done, the last first: as many as a scorecard can measure at once. */
export async function listDone(
  database: Queryable,
  of: { client: string; limit: number },
): Promise<(OpportunityRow & { doneOn: string })[]> {
  const { rows } = await database.query<OpportunityRow & { doneOn: string }>(
    `select ${columns} from ${joined} where o._client_id = $1 and o.state = 'done' and o.done_on is not null
      order by o.done_on desc, o.opportunity_id limit $2`,
    [of.client, of.limit],
  );
  return rows;
}
