import { CancellationScope } from "@temporalio/workflow";

/** Runs `work` for every item, at most `concurrency` at a time, as long as `mayStart` lets it. Every failure is an outcome, never an exception. */
export async function settleWithin<Item, Outcome>(
  concurrency: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Outcome>,
  options: { mayStart?: () => Promise<boolean>; onSettled?: (outcome: Outcome) => void } = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      if (options.mayStart !== undefined && !(await options.mayStart())) return;
      const item = items[next];
      next += 1;
      if (item === undefined) return;
      const outcome = await work(item);
      outcomes.push(outcome);
      options.onSettled?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  return outcomes;
}

/** Runs even when the workflow has been cancelled: the record of a run is closed in any case. */
export function whateverHappens<Result>(work: () => Promise<Result>): Promise<Result> {
  return CancellationScope.nonCancellable(work);
}
