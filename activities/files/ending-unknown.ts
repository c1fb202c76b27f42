import { activityInfo, heartbeat } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import { z } from "zod";
import type { FailureType } from "../shared/failures.ts";

/** Two minutes, with the pauses below. */
const enough = 8;
const unknown: FailureType = "Unexpected";

const kept = z.object({ unknown: z.number() });

/**
 * Stops retrying a file whose error is unknown: the next try would read the whole file again and fail the same way,
 * and people are alerted only when the retries end. Servers that do not answer are known errors and are waited for:
 * how often the error was unknown is kept in the heartbeats, and attempts that ended otherwise do not count.
 */
export async function endingUnknown<Result>(progress: object, work: () => Promise<Result>): Promise<Result> {
  const earlier = kept.safeParse(activityInfo().heartbeatDetails);
  const counted = Object.assign(progress, { unknown: earlier.success ? earlier.data.unknown : 0 });
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || error.type !== unknown) throw error;
    counted.unknown += 1;
    heartbeat(counted);
    throw ApplicationFailure.create({
      type: unknown,
      message: error.message,
      nonRetryable: counted.unknown >= enough,
      nextRetryDelay: Math.min(1_000 * 2 ** counted.unknown, 60_000),
    });
  }
}
