/** How long answers took, by what was asked, with the moment of each. */
export class Timings {
  private readonly taken = new Map<string, { atMs: number; tookMs: number }[]>();
  private readonly failures = new Map<string, number>();

  /** Asks until there is an answer, each time as `work` decides; only an answer to a first try is timed. */
  async ask<Answer>(what: string, work: () => Promise<Answer | null>, again: () => Promise<void>): Promise<Answer> {
    for (let first = true; ; first = false) {
      const began = performance.now();
      const answer = await work();
      if (answer !== null) {
        if (first) this.note(what, began);
        return answer;
      }
      this.failures.set(what, (this.failures.get(what) ?? 0) + 1);
      await again();
    }
  }

  private note(what: string, began: number): void {
    const list = this.taken.get(what) ?? [];
    list.push({ atMs: began, tookMs: performance.now() - began });
    this.taken.set(what, list);
  }

  /** What was asked, how often, how often in vain, and the 99th percentile of what was asked in each of two spans. */
  compare(first: Span, last: Span): Compared[] {
    return [...this.taken].map(([what, list]) => ({
      what,
      answers: list.length,
      failures: this.failures.get(what) ?? 0,
      firstMs: percentile(list, first),
      lastMs: percentile(list, last),
    }));
  }
}

/** From and to, by `performance.now()`. */
export type Span = readonly [fromMs: number, toMs: number];

export interface Compared {
  what: string;
  answers: number;
  failures: number;
  firstMs: number;
  lastMs: number;
}

function percentile(list: readonly { atMs: number; tookMs: number }[], [from, to]: Span): number {
  const within = list
    .filter(({ atMs }) => atMs >= from && atMs < to)
    .map(({ tookMs }) => tookMs)
    .sort((one, other) => one - other);
  return within[Math.floor(within.length * 0.99)] ?? 0;
}
