import { setTimeout as wait } from "node:timers/promises";
import type { Database } from "../../schema/database.ts";

export interface Progress {
  untilStored: (days: number) => Promise<void>;
  /** After a moment: the longest time in which no day and no verdict was finished, and how much was lost against the same time before. */
  follow: (from: number, forMs: number) => Promise<{ pauseMs: number; lostMs: number }>;
  /** How long it was watched, in milliseconds. */
  stop: () => number;
}

const everyMs = 50;
const patienceMs = 10 * 60_000;

/** Looks all the time how many days and verdicts there are. */
export function watchProgress(database: Database): Progress {
  const began = performance.now();
  const moments: { at: number; finished: number }[] = [];
  let [stored, finished, stopped] = [0, 0, false];
  void (async () => {
    while (!stopped) {
      const found = await database
        .query<{ days: number; verdicts: number }>(
          "select (select count(*)::int from ops.slices) as days, (select count(*)::int from recon.reconciliation_logs) as verdicts",
        )
        .then(({ rows }) => rows[0])
        .catch(() => undefined);
      if (found !== undefined) {
        stored = found.days;
        const sum = found.days + found.verdicts;
        if (sum !== finished) moments.push({ at: performance.now(), finished: sum });
        finished = sum;
      }
      await wait(everyMs);
    }
  })();
  return {
    untilStored: async (days) => {
      const deadline = Date.now() + patienceMs;
      while (stored < days) {
        if (Date.now() > deadline) throw new Error(`${stored} of ${days} days after ${patienceMs / 60_000} minutes`);
        await wait(everyMs);
      }
    },
    follow: async (from, forMs) => {
      const doneAt = (moment: number) => moments.filter(({ at }) => at <= moment).at(-1)?.finished ?? 0;
      await wait(Math.max(0, from + forMs - performance.now()));
      const [before, after] = [doneAt(from) - doneAt(from - forMs), doneAt(from + forMs) - doneAt(from)];
      const within = [from, ...moments.filter(({ at }) => at > from).map(({ at }) => at), performance.now()];
      const pauses = within.slice(1).map((at, index) => at - (within[index] ?? at));
      return { pauseMs: Math.max(...pauses), lostMs: Math.max(0, forMs * (1 - after / before)) };
    },
    stop: () => {
      stopped = true;
      return performance.now() - began;
    },
  };
}
