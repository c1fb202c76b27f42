import { ApplicationFailure } from "@temporalio/common";
import { ChildWorkflowFailure, isCancellation } from "@temporalio/workflow";

/** The innermost failure that has a type of ours: what a person needs to read. */
export function describeFailure(error: unknown): { type: string; reason: string } {
  let cause: unknown = error;
  while (cause instanceof Error && !(cause instanceof ApplicationFailure) && cause.cause !== undefined)
    cause = cause.cause;
  if (cause instanceof ApplicationFailure) return { type: cause.type ?? "Unexpected", reason: cause.message };
  if (error instanceof ChildWorkflowFailure)
    return {
      type: "Terminated",
      reason: `the child workflow was ended from outside: ${cause instanceof Error ? cause.message : error.message}`,
    };
  return { type: "Unexpected", reason: error instanceof Error ? error.message : String(error) };
}

/** When planning fails there are no days to name; the reason becomes the run's. */
export function planFailure(error: unknown): never {
  if (isCancellation(error)) throw error;
  const { type, reason } = describeFailure(error);
  throw ApplicationFailure.create({ type, message: reason, nonRetryable: true });
}
