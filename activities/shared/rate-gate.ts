import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Account } from "../../settings/config.ts";
import type { TurnOutcome } from "../../connectors/http.ts";
import { claimTurn, endTurn, extendTurn } from "../../queries/shared/rate-gate.ts";
import type { Database } from "../../schema/database.ts";

/** Whose quota it is, and how fast it may be asked. */
export type Paced = Pick<Account, "name" | "pace">;

/** Whose turn it is to ask a vendor: one row per account in Postgres, so it holds across all workers. */
export interface RateGate {
  /** Waits until this account may start a request; the returned function ends the turn and passes on the vendor's hint. */
  turn: (account: Paced, options: TurnOptions) => Promise<(outcome: TurnOutcome) => Promise<void>>;
}

export interface TurnOptions {
  signal?: AbortSignal | undefined;
  /** Called when the wait is over, with its milliseconds. */
  onWaited?: (waitedMs: number) => void;
}

/** Requests start a little later than asked for: what two workers call the same moment differs by a few milliseconds. */
const margin = 1.1;
/** A place held by a worker that was killed or stopped is free again after this. */
const leaseMs = 5_000;
const longestSleepMs = 1_000;

export function createRateGate(database: Database): RateGate {
  const queues = new Map<string, Set<Promise<void>>>();

  return {
    async turn(account, { signal, onWaited }) {
      const started = performance.now();
      const leaveQueue = await enterQueue(queues, account, signal);
      const lease = randomUUID();
      const claim = {
        account: account.name,
        intervalMs: account.pace.intervalMs * margin,
        concurrent: account.pace.concurrent,
        lease,
        leaseMs,
      };
      try {
        for (let waitMs = await claimTurn(database, claim); waitMs > 0; waitMs = await claimTurn(database, claim)) {
          // Looked at again now and then: the moment may have been moved either way.
          await wait(Math.min(Math.ceil(waitMs), longestSleepMs), undefined, { signal });
        }
      } catch (error) {
        leaveQueue();
        throw signal?.aborted === true ? signal.reason : error;
      }
      onWaited?.(performance.now() - started);
      // When a request left is not when it arrived: with one at a time, the answer is the last moment it can have been.
      const restMs = account.pace.concurrent === 1 ? account.pace.intervalMs : 0;
      const renew = setInterval(() => void extendTurn(database, claim).catch(() => undefined), leaseMs / 3);
      return async ({ waitMs }) => {
        clearInterval(renew);
        try {
          await endTurn(database, { account: account.name, lease, waitMs, restMs });
        } finally {
          leaveQueue();
        }
      };
    },
  };
}

/** In one worker at most `concurrent` callers of an account ask Postgres at a time, in the order they came. */
async function enterQueue(
  queues: Map<string, Set<Promise<void>>>,
  account: Paced,
  signal: AbortSignal | undefined,
): Promise<() => void> {
  const running = queues.get(account.name) ?? new Set();
  queues.set(account.name, running);
  let leave: () => void = () => undefined;
  const mine = new Promise<void>((resolve) => (leave = resolve));
  const ahead = [...running];
  running.add(mine);
  const left = () => {
    running.delete(mine);
    leave();
  };
  try {
    // Wait until fewer than `concurrent` of those who came before are still there.
    for (
      let present = ahead;
      present.length >= account.pace.concurrent;
      present = present.filter((other) => running.has(other))
    ) {
      await raceAbort(Promise.race(present), signal);
    }
  } catch (error) {
    left();
    throw error;
  }
  return left;
}

async function raceAbort<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
