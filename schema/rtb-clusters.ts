import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  primaryKey,
  text,
  unique,
} from "drizzle-orm/pg-core";
import { clientColumn, instant, money, originCheck, originColumn } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { rtb } from "./rtb.ts";

/** One for each time that creatives were grouped into campaigns. Of dry runs only the last is kept, with what it suggests. */
export const clusterRuns = rtb.table(
  "cluster_runs",
  {
    ...clientColumn,
    clusterRunId: bigint("cluster_run_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    endedAt: instant("ended_at").notNull().defaultNow(),
    isDryRun: boolean("is_dry_run").notNull().default(false),
    providerAsked: text("provider_asked").notNull(),
    providerUsed: text("provider_used").notNull(),
    fallbackReason: text("fallback_reason"),
    model: text("model"),
    creatives: integer("creatives").notNull(),
    groups: integer("groups").notNull(),
    campaigns: integer("campaigns").notNull(),
    created: integer("created").notNull(),
    removed: integer("removed").notNull(),
    moved: integer("moved").notNull(),
    cohesion: doublePrecision("cohesion"),
    modelConfidence: doublePrecision("model_confidence"),
    refused: jsonb("refused").$type<Record<string, number>>(),
    inputHash: text("input_hash").notNull(),
    catalogue: text("catalogue").notNull(),
    suggested: jsonb("suggested"),
    workflowId: text("workflow_id").notNull(),
    runId: text("_run_id").notNull(),
    ...originColumn,
  },
  (table) => [
    originCheck("cluster_runs_origin_known", table.origin),
    primaryKey({ name: "cluster_runs_id", columns: [table.clientId, table.clusterRunId] }),
    unique("cluster_runs_run").on(table.clientId, table.runId),
    check("cluster_runs_cohesion", sql`${table.cohesion} between 0 and 1`),
  ],
);

/** What a person decided about campaigns, in order: groups that are made later follow it. Never changed, never deleted with its campaign. */
export const campaignDecisions = rtb.table(
  "campaign_decisions",
  {
    ...clientColumn,
    decisionId: bigint("decision_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    at: instant("at").notNull().defaultNow(),
    actor: text("actor").notNull(),
    role: text("role"),
    kind: text("kind").notNull(),
    campaignId: bigint("campaign_id", { mode: "number" }).notNull(),
    fromCampaignId: bigint("from_campaign_id", { mode: "number" }),
    name: text("name").notNull(),
    earlierName: text("earlier_name"),
    anchors: text("anchors")
      .array()
      .notNull()
      .default(sql`'{}'`),
    creatives: bigint("creatives", { mode: "bigint" })
      .array()
      .notNull()
      .default(sql`'{}'`),
  },
  (table) => [
    primaryKey({ name: "campaign_decisions_key", columns: [table.clientId, table.decisionId] }),
    index("campaign_decisions_campaign").on(table.clientId, table.campaignId),
    check("campaign_decisions_kind", sql`${table.kind} in ('renamed', 'merged', 'split', 'moved', 'replaced')`),
  ],
);

/**
 * Each call of a model, written before it is made: what it may cost at most counts as spent until its cost is known, and an
 * answer is found again under the hash of its prompt.
 */
export const modelCalls = rtb.table(
  "model_calls",
  {
    ...clientColumn,
    callId: bigint("call_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    begunAt: instant("begun_at").notNull().defaultNow(),
    day: date("day").notNull(),
    provider: text("provider").notNull(),
    model: text("model").notNull(),
    promptHash: text("prompt_hash").notNull(),
    state: text("state").notNull().default("begun"),
    groups: integer("groups").notNull(),
    mostUsd: money("most_usd").notNull(),
    costUsd: money("cost_usd"),
    inputTokens: integer("input_tokens"),
    outputTokens: integer("output_tokens"),
    answer: jsonb("answer"),
    problem: text("problem"),
    runId: text("_run_id").notNull(),
    ...originColumn,
  },
  (table) => [
    originCheck("model_calls_origin_known", table.origin),
    primaryKey({ name: "model_calls_key", columns: [table.clientId, table.callId] }),
    index("model_calls_prompt").on(table.clientId, table.promptHash, table.provider, table.model),
    index("model_calls_day").on(table.clientId, table.day),
    check(
      "model_calls_state",
      sql`${table.state} in ('begun', 'answered', 'truncated', 'refused', 'unusable', 'failed')`,
    ),
  ],
);

const originText =
  "real; sandbox: of made-up creatives or a mock server; unknown: of creatives stored before this was recorded.";

describeTable(
  clusterRuns,
  "Each time that creatives were grouped into campaigns: how many groups there were, and who named them.",
  {
    clusterRunId: "Number of the run.",
    endedAt: "When it was stored.",
    isDryRun: "Nothing was changed: what it suggests stands in the column suggested. Only the last one is kept.",
    providerAsked: "rule-based, claude or gemini: who was to group them.",
    providerUsed: "Who did: rule-based where the model was not asked or its answer not used.",
    fallbackReason: "Why the rules grouped all or some of them though a model was to; null where nothing kept it.",
    model: "The model, as its vendor calls it; null without one.",
    creatives: "Creatives that were grouped: all that something is known of and that no person's own campaign has.",
    groups: "Groups that the rules found.",
    campaigns: "Campaigns that clustering keeps, after this run.",
    created: "Of these, how many are new.",
    removed: "Campaigns that were left empty and removed.",
    moved: "Creatives that changed from one campaign to another.",
    cohesion:
      "How firmly creatives hang together with their campaigns, 0 to 1: a mean over creatives; null without creatives.",
    modelConfidence: "What the model said of its groups, a mean over those it named: not calibrated; null without one.",
    refused: "What of the model's answers was not used, by kind, as JSON.",
    inputHash: "SHA-256 of all that the grouping depended on: the same hash, the same groups.",
    catalogue: "State of the creatives and decisions it was made from: another state, another text.",
    suggested: "What a dry run would have made, as JSON; null for others.",
    workflowId: "The workflow that did it.",
    origin: originText,
  },
);

describeTable(
  campaignDecisions,
  "What people decided about campaigns, in order. Clustering follows it; a row is never changed.",
  {
    decisionId: "Number of the decision; later ones win.",
    at: "When it was made.",
    actor: "Who decided: the subject of a token or session.",
    role: "Their role; null where there is none.",
    kind: "renamed, merged, split, moved, or replaced: all its creatives were named by a file or by PUT /campaigns, and earlier decisions put nothing into it any more.",
    campaignId: "The campaign that was renamed, or that creatives went to.",
    fromCampaignId: "The campaign that they came from; null for a new name.",
    name: "The name of the campaign after the decision.",
    earlierName: "Its name before, or that of the campaign that was merged into it; null for one that was split off.",
    anchors: "What the merged campaign was about: groups about it go to the other from then on.",
    creatives: "The creatives that went, by our numbers; where they belong is a person's decision from then on.",
  },
);

describeTable(modelCalls, "Each call of a model: what it was asked by hash, what it answered, what it cost.", {
  callId: "Number of the call.",
  begunAt: "When it was made.",
  day: "The client's day, which its cost counts for.",
  provider: "claude or gemini.",
  model: "The model, as its vendor calls it.",
  promptHash: "SHA-256 of all that was asked: the same is not asked twice.",
  state:
    "begun, answered, truncated, refused (by the model), unusable (no JSON of the right form), failed (no answer).",
  groups: "How many groups it was asked about.",
  mostUsd: "What it could cost at most, by the prices that are set: counts as spent until the cost is known.",
  costUsd: "What it did cost, by the same prices and the vendor's count of tokens; null where that is not known.",
  inputTokens: "Tokens that the vendor counted in the question; null without an answer.",
  outputTokens: "Tokens that the vendor counted in the answer; null without one.",
  answer: "What of the answer can be used, as JSON: names and ids of groups, checked; null without one.",
  problem: "Why there is none, in a word or two; null for an answer.",
  origin: originText,
});
