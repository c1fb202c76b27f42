import type { Duration } from "@temporalio/common";
import { CancellationScope, sleep } from "@temporalio/workflow";

interface Patience<Result> {
  patience: Duration;
  /** For the UI, beside the timer. */
  summary?: string;
  /** What to wait for when this workflow is cancelled meanwhile. */
  whenCancelled: () => Promise<Result> | null;
}

/** What the work comes to, or null when it takes longer; it goes on, and its timer does not. */
export async function withinPatience<Result>(
  work: Promise<Result>,
  { patience, summary, whenCancelled }: Patience<Result>,
): Promise<Result | null> {
  const timer = new CancellationScope();
  const late = timer
    .run(() => sleep(patience, summary === undefined ? undefined : { summary }))
    .then(() => null, whenCancelled);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.cancel();
  }
}
