import { z } from "zod";
import { typedId } from "../../core/typed.ts";
import { takeUpReport } from "../../queries/recon/report-to-judge.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput } from "../shared/input.ts";
import { noteStart } from "../shared/note-start.ts";
import { id, platformNamed, type ReconContext } from "./context.ts";

/** What a person types, or the API sends. */
export interface ReconcileInput {
  client: string;
  reportId: string;
}

export interface ReconcilePlan extends ReconcileInput {
  attempt: number;
  platform: string;
  /** Whose queue the platform is asked on. */
  vendor: string;
  hasInteraction: boolean;
}

const shape = z.strictObject({ client: typedId, reportId: id });

/** Which attempt a report is at, and which platform it needs. Quick: it runs inside the workflow's own task. */
export async function planReconciliation(
  context: Pick<ReconContext, "database" | "config" | "redact">,
  input: ReconcileInput,
): Promise<ReconcilePlan> {
  const { client, reportId } = checkedInput(shape, input);
  const found = await takeUpReport(context.database, { client, reportId });
  if (found === null) throw invalidInput(`client "${client}" has no report ${reportId}`);
  const { isNew, ...plan } = found;
  if (!isNew) await noteStart(context, [input]);
  return { client, reportId, ...plan, vendor: platformNamed(plan.platform).vendor.name };
}
