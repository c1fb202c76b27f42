import { activityInfo, Context } from "@temporalio/activity";
import type { Config } from "../../settings/config.ts";
import type { Redact } from "../../core/redact.ts";
import { recordStart, type StartAudit } from "../../queries/ops/audit.ts";
import type { Database } from "../../schema/database.ts";
import { guardedBy } from "./failures.ts";

export interface NoteStartContext {
  database: Database;
  config: Pick<Config, "clients">;
  redact: Redact;
}

/** What programs of this system call themselves to Temporal: their acts are audited where the person is known. */
const ownPrograms = "signal-room ";
const commandLine = "cli:";

/**
 * These come by the thousand, and asking Temporal for a history's beginning is a request of its own. A slice by hand
 * begins with another activity; a report's ask by themselves, where a person may have started it.
 */
const notAskedAbout: readonly string[] = ["pullSlice", "planReconciliation", "reconcile"];

/** Around every activity. */
export async function noteFirstStart(context: NoteStartContext, args: unknown[]): Promise<void> {
  if (!notAskedAbout.includes(activityInfo().activityType)) await noteStart(context, args);
}

/**
 * Before the first activity of a run, whichever that is: who started it by hand is in the audit log, or it does nothing.
 * Temporal knows of a person only what their program calls itself, which anybody may choose.
 */
export async function noteStart({ database, config, redact }: NoteStartContext, args: unknown[]): Promise<void> {
  const { activityId, workflowExecution, workflowType } = activityInfo();
  // Activities are numbered in the order they are scheduled.
  if (activityId !== "1" || workflowExecution === undefined) return;
  await guardedBy(redact)(workflowType ?? "workflow", async () => {
    const started = await startOf(workflowExecution);
    if (started === null || started.identity.startsWith(ownPrograms)) return;
    const byCommand = started.identity.startsWith(commandLine);
    const entry: StartAudit = {
      client: clientIn(config, args[0]),
      actor: byCommand ? started.identity : `temporal:${redact(started.identity)}`,
      workflowId: workflowExecution.workflowId,
      runId: workflowExecution.runId,
      details: { type: workflowType, from: byCommand ? "command line" : "outside" },
    };
    await recordStart(database, entry);
  });
}

/** The first event of a run, where it was a person's act: null for schedules, parents, and histories that go on. */
async function startOf(execution: { workflowId: string; runId: string }): Promise<{ identity: string } | null> {
  const { client } = Context.current();
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 1,
  });
  const event = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  if (event === undefined || event === null) throw new Error("the history does not begin with its start");
  const isOnItsOwn =
    event.parentWorkflowExecution != null ||
    (event.continuedExecutionRunId ?? "") !== "" ||
    event.searchAttributes?.indexedFields?.["TemporalScheduledById"] != null;
  return isOnItsOwn ? null : { identity: (event.identity ?? "").slice(0, 200) };
}

/** The first client where the input names none, as the workflows have it; null where it names one that does not exist. */
function clientIn({ clients }: Pick<Config, "clients">, input: unknown): string | null {
  const { client } = Object(input) as { client?: unknown };
  const named = client === undefined ? clients[0] : String(client);
  return named !== undefined && clients.includes(named) ? named : null;
}
