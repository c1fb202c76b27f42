/** Rejects when the work takes longer. The work itself goes on, unheard. */
export const withinMs = <Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> =>
  unlessGivenUp(work, timeoutMs, () => Promise.reject(new Error(`no answer within ${timeoutMs} ms`)));

/**
 * Waits for the work, and from some moment on for a doubt about it too: what that rejects with is what comes of it all.
 * The work itself goes on, unheard.
 */
export async function unlessGivenUp<Result>(
  work: Promise<Result>,
  afterMs: number,
  doubt: () => Promise<unknown>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    // Where this process itself was held up, the answer may be here and unread: it is read before anything is doubted.
    timer = setTimeout(() => (turn = setImmediate(() => void doubt().catch(reject))), afterMs);
  });
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    clearTimeout(timer);
    clearImmediate(turn);
    work.catch(() => undefined);
    givenUp.catch(() => undefined);
  }
}

/** One answer for all who ask at the same time or shortly after. */
export function remember<Result>(forMs: number, work: () => Promise<Result>): () => Promise<Result> {
  let known: { until: number; result: Promise<Result> } | null = null;
  return () => {
    if (known !== null && performance.now() < known.until) return known.result;
    const started = { until: Infinity, result: work() };
    known = started;
    const finish = () => (started.until = performance.now() + forMs);
    started.result.then(finish, finish);
    return started.result;
  };
}
