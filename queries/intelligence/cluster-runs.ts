import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { insertRow } from "../shared/named.ts";

export interface ClusterRun {
  isDryRun: boolean;
  providerAsked: string;
  providerUsed: string;
  /** Why the rules did what a model was asked for; null where nothing kept it. */
  fallbackReason: string | null;
  model: string | null;
  creatives: number;
  groups: number;
  campaigns: number;
  created: number;
  removed: number;
  moved: number;
  cohesion: number | null;
  modelConfidence: number | null;
  refused: Record<string, number> | null;
}

export type StoredRun = ClusterRun & {
  clusterRunId: number;
  endedAt: Date;
  origin: StoredOrigin;
  workflowId: string;
  runId: string;
};

/** What a dry run would make. */
export interface SuggestedCampaign {
  campaignId: number | null;
  name: string;
  namedBy: "rules" | "model" | "person";
  confidence: number;
  modelConfidence: number | null;
  /** Our numbers of creatives, with what joined each. */
  members: { id: string; basis: string }[];
  variants: { language: string; format: string; creatives: number }[];
}

export interface RunOf {
  client: string;
  workflowId: string;
  runId: string;
}

const columns = `cluster_run_id as "clusterRunId", ended_at as "endedAt", is_dry_run as "isDryRun", provider_asked as "providerAsked", provider_used as "providerUsed",
  fallback_reason as "fallbackReason", model, creatives, groups, campaigns, created, removed, moved, cohesion, model_confidence as "modelConfidence", refused, workflow_id as "workflowId", _run_id as "runId", origin`;

/** Of the dry runs only the last is kept: it is long, and the next says it better. */
export async function recordRun(
  session: Session,
  { client, workflowId, runId }: RunOf,
  run: ClusterRun & { origin: StoredOrigin; inputHash: string; catalogue: string; suggested: unknown },
): Promise<number> {
  if (run.isDryRun) await session.query("delete from rtb.cluster_runs where _client_id = $1 and is_dry_run", [client]);
  const { rows } = await session.query<{ id: number }>(
    insertRow(
      "rtb.cluster_runs",
      {
        _client_id: client,
        is_dry_run: run.isDryRun,
        provider_asked: run.providerAsked,
        provider_used: run.providerUsed,
        fallback_reason: run.fallbackReason,
        model: run.model,
        creatives: run.creatives,
        groups: run.groups,
        campaigns: run.campaigns,
        created: run.created,
        removed: run.removed,
        moved: run.moved,
        cohesion: run.cohesion,
        model_confidence: run.modelConfidence,
        refused: run.refused === null ? null : JSON.stringify(run.refused),
        origin: run.origin,
        input_hash: run.inputHash,
        catalogue: run.catalogue,
        suggested: run.suggested === null ? null : JSON.stringify(run.suggested),
        workflow_id: workflowId,
        _run_id: runId,
      },
      "cluster_run_id as id",
    ),
  );
  return rows[0]?.id ?? 0;
}

/** What a run stored already: its activity may be tried again after its commit. */
export async function findRun(database: Queryable, { client, runId }: RunOf): Promise<StoredRun | null> {
  const { rows } = await database.query<StoredRun>(
    `select ${columns} from rtb.cluster_runs where _client_id = $1 and _run_id = $2`,
    [client, runId],
  );
  return rows[0] ?? null;
}

/** The last first, without dry runs. */
export async function listRuns(
  database: Queryable,
  { client, after, limit }: { client: string; after: number | null; limit: number },
): Promise<StoredRun[]> {
  const { rows } = await database.query<StoredRun>(
    `select ${columns} from rtb.cluster_runs
      where _client_id = $1 and not is_dry_run and ($2::bigint is null or cluster_run_id < $2) order by cluster_run_id desc limit $3`,
    [client, after, limit],
  );
  return rows;
}

/** What the last dry run suggests, if it was of this state of the catalogue. */
export async function findSuggestion(
  database: Queryable,
  { client, catalogue }: { client: string; catalogue: string | null },
): Promise<(StoredRun & { suggested: SuggestedCampaign[] }) | null> {
  const { rows } = await database.query<StoredRun & { suggested: SuggestedCampaign[] }>(
    `select ${columns}, suggested from rtb.cluster_runs
      where _client_id = $1 and is_dry_run and ($2::text is null or catalogue = $2) order by cluster_run_id desc limit 1`,
    [client, catalogue],
  );
  return rows[0] ?? null;
}
