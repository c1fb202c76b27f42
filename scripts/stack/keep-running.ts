import { setTimeout as wait } from "node:timers/promises";
import type { ServerExit } from "../embedded/process.ts";

/** A server or a process of ours that is up. */
export interface Running {
  exited: Promise<ServerExit>;
  logFile: string;
  /** Ends it; after `graceMs`, when given, without mercy. */
  stop: (graceMs?: number) => Promise<void>;
}

export interface Keep<One extends Running> {
  name: string;
  start: () => Promise<One>;
  say: (message: string) => void;
  /** It died too often in a row: nothing more is tried. */
  giveUp: (reason: string) => void;
  firstPauseMs?: number;
  /** Whoever was up for so long did not die in a row. */
  settledMs?: number;
}

export interface Kept<One extends Running> {
  name: string;
  /** As it came up first. */
  first: One;
  /** False between its death and its next start: who needs it cannot end in order. */
  isUp: () => boolean;
  stop: (graceMs?: number) => Promise<void>;
}

/** How long whoever needs a server that is down is waited for: its last work goes nowhere. */
export const downGraceMs = 1_000;

/**
 * Stops the last started first, as whoever came later needs who came before. Each has its own time to end in order,
 * unless it needs a server that is down.
 */
export async function stopInOrder(
  parts: readonly Stoppable[],
  failed: (name: string, error: unknown) => void,
  graceMs?: number,
): Promise<void> {
  for (const [index, part] of [...parts.entries()].reverse()) {
    const needsWhatIsDown = parts.slice(0, index).some((before) => before.isUp?.() === false);
    await part
      .stop(graceMs ?? (needsWhatIsDown ? downGraceMs : undefined))
      .catch((error: unknown) => failed(part.name, error));
  }
}

export interface Stoppable {
  name: string;
  isUp?: () => boolean;
  stop: (graceMs?: number) => Promise<unknown>;
}

const mostDeathsInARow = 5;
const longestPauseMs = 30_000;

/** Starts something and starts it again whenever it dies, each time after a longer pause, until it has died too often in a row. */
export async function keepRunning<One extends Running>(keep: Keep<One>): Promise<Kept<One>> {
  const { name, say, firstPauseMs = 1_000, settledMs = 20_000 } = keep;
  const stopping = new AbortController();
  const stopped = new Promise<null>((resolve) => stopping.signal.addEventListener("abort", () => resolve(null)));
  const first = await keep.start();
  let current = first;
  let deaths = 0;
  let isUp = true;

  /** Null when it was stopped on purpose, or has given up. */
  const startAgain = async (died: string): Promise<One | null> => {
    for (let reason = died; ;) {
      if (deaths >= mostDeathsInARow) {
        keep.giveUp(`${name} died ${deaths} times in a row, the last time: ${reason}. Its log is ${current.logFile}`);
        return null;
      }
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (deaths - 1));
      say(`${name}: ${reason}. Starting it again in ${pauseMs / 1_000} s; its log is ${current.logFile}`);
      if ((await Promise.race([wait(pauseMs, "over", { ref: false }), stopped])) === null) return null;
      try {
        const next = await keep.start();
        say(`${name} runs again`);
        return next;
      } catch (error) {
        if (stopping.signal.aborted) return null;
        deaths += 1;
        reason = error instanceof Error ? error.message : String(error);
      }
    }
  };

  const watch = async () => {
    for (;;) {
      const since = Date.now();
      const exit = await Promise.race([current.exited, stopped]);
      isUp = false;
      if (exit === null || stopping.signal.aborted) return;
      deaths = Date.now() - since >= settledMs ? 1 : deaths + 1;
      const next = await startAgain(exit.signal === null ? `ended with code ${exit.code}` : `killed by ${exit.signal}`);
      if (next === null) return;
      current = next;
      isUp = true;
    }
  };
  const watching = watch();
  return {
    name,
    first,
    isUp: () => isUp,
    async stop(graceMs) {
      stopping.abort();
      await watching;
      await current.stop(graceMs);
    },
  };
}
