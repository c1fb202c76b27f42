import { activityInfo } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import type { FailureType } from "../shared/failures.ts";

/** Two minutes, with the pauses below. */
const enough = 8;
const unknown: FailureType = "Unexpected";

/**
 * Stops retrying a file whose error is unknown: the next try would read the whole file again and fail the same way,
 * and people are alerted only when the retries end. Servers that do not answer are known errors and are waited for.
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
