/** Rejects when the work takes longer. The work itself goes on, unheard. */
export async function withinMs<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
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
