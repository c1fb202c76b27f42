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

/** What the work comes to, or null when it takes longer. Nothing is kept alive by the waiting. */
export async function orNullAfter<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, timeoutMs, null)));
  timer?.unref();
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
