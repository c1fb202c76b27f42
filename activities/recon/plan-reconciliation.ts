import { z } from "zod";
import { typedId } from "../../core/typed.ts";
import { takeUpReport } from "../../queries/recon/report-to-judge.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput } from "../shared/input.ts";
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
  { database }: Pick<ReconContext, "database">,
  input: ReconcileInput,
): Promise<ReconcilePlan> {
  const { client, reportId } = checkedInput(shape, input);
  const plan = await takeUpReport(database, { client, reportId });
  if (plan === null) throw invalidInput(`client "${client}" has no report ${reportId}`);
  return { client, reportId, ...plan, vendor: platformNamed(plan.platform).vendor.name };
}
