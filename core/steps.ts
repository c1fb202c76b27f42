/** Long work in short steps: whoever runs it decides what may happen in between. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** All steps at once. */
export function runAtOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Lets timers and sockets have their turn whenever it has worked for so long. */
export async function runPolitely<Result>(
  steps: Steps<Result>,
  { atATimeMs = 25, signal }: { atATimeMs?: number; signal?: AbortSignal } = {},
): Promise<Result> {
  for (let began = performance.now(); ;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - began < atATimeMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    began = performance.now();
  }
}
