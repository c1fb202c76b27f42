import { activityInfo } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import type { FailureType } from "../shared/failures.ts";

/** Two minutes, with the pauses below. */
const enough = 8;
const unknown: FailureType = "Unexpected";

/**
 * Ends the tries of a file whose error nobody knows: the next one would read the whole file again and come to the same,
 * and a person is told only when they end. Servers that are away are known errors and waited for.
 */
export async function endingUnknown<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || error.type !== unknown) throw error;
    const { attempt } = activityInfo();
    throw ApplicationFailure.create({
      type: unknown,
      message: error.message,
      nonRetryable: attempt >= enough,
      nextRetryDelay: Math.min(1_000 * 2 ** attempt, 60_000),
    });
  }
}
