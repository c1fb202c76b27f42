import { z } from "zod";
import { typedId } from "../../core/typed.ts";
import { planRun, readRunPage, type RunScope } from "../../queries/recon/runs.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput } from "../shared/input.ts";
import { runOf } from "../shared/run-of.ts";
import { id, type ReconContext } from "./context.ts";
import { toStart, type ReportToStart } from "./find-pending.ts";

export interface ReconcileManyInput {
  client: string;
  scope: RunScope;
  scopeId: string;
  /** Names the run in `recon.runs`; its workflow's own run when left out. */
  runId?: string | undefined;
  requestedBy?: string | undefined;
  /** Only each post's latest report. */
  latestOnly?: boolean | undefined;
}

const shape = z.strictObject({
  client: typedId,
  scope: z.enum(["report", "post", "affiliate", "campaign"]),
  scopeId: id,
  runId: z.string().min(1).max(200).optional(),
  requestedBy: z.string().max(200).optional(),
  latestOnly: z.boolean().optional(),
});
const pageSize = 200;

/** Gives each report of a run its next attempt, and says how many there are. */
export async function planMany(
  { database }: Pick<ReconContext, "database">,
  input: ReconcileManyInput,
): Promise<{ client: string; runId: string; planned: number }> {
  const wanted = checkedInput(shape, input);
  const { client, scope, scopeId, runId = runOf().runId, requestedBy = "an operator", latestOnly } = wanted;
  const planned = await planRun(database, { client, runId, scope, scopeId, requestedBy, all: latestOnly !== true });
  if (planned === null) throw invalidInput(`client "${client}" has no report of ${scope} ${scopeId}`);
  return { client, runId, planned };
}

/** The next reports of a run. */
export async function readPage(
  { database, config }: Pick<ReconContext, "database" | "config">,
  { client, runId, after }: { client: string; runId: string; after: string | null },
): Promise<ReportToStart[]> {
  const page = await readRunPage(database, { client, runId, after, limit: pageSize });
  return page.map(({ reportId }) => toStart(config, { client, reportId }));
}
