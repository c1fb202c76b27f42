import type { Outcome } from "../../../rules/promo/events.ts";

interface Waiting<Event> {
  event: Event;
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
}

export interface Batches<Event> {
  /** Resolves once the event is committed. */
  add: (event: Event) => Promise<Outcome>;
  /** Takes an event back that no batch has taken yet; false when it is too late. */
  takeBack: (event: Event) => boolean;
}

export interface BatchesOptions<Event> {
  record: (events: readonly Event[]) => Promise<(Outcome | "raced")[]>;
  /** Whether an error is about these events, and not about the database: then each is tried on its own. */
  isTheirs: (error: unknown) => boolean;
  mostAtOnce: number;
}

/**
 * Events that arrive while a batch is under way wait together and are the next one: the busier it is, the more events
 * share a commit. One batch at a time, as two would only wait for each other's counters. The next one is on its way
 * before those of the last are answered, so that Postgres does not wait for answers to be written.
 */
export function createBatches<Event>({ record, isTheirs, mostAtOnce }: BatchesOptions<Event>): Batches<Event> {
  const waiting: Waiting<Event>[] = [];
  let isRunning = false;

  /** Resolves once it is known what becomes of each, with what says so to them. */
  const commit = async (batch: Waiting<Event>[]): Promise<() => void> => {
    try {
      const outcomes = await record(batch.map(({ event }) => event));
      for (const [place, one] of batch.entries()) if (outcomes[place] === "raced") waiting.unshift(one);
      return () => {
        for (const [place, one] of batch.entries()) {
          const outcome = outcomes[place] as Outcome | "raced";
          if (outcome !== "raced") one.resolve(outcome);
        }
      };
    } catch (error) {
      if (batch.length > 1 && isTheirs(error)) for (const one of batch) (await commit([one]))();
      else for (const one of batch) one.reject(error);
      return () => undefined;
    }
  };
  const run = async (): Promise<void> => {
    // Whoever arrives in this turn of the event loop comes along.
    await new Promise((resolve) => setImmediate(resolve));
    let answer: () => void = () => undefined;
    while (waiting.length > 0) {
      const committed = commit(waiting.splice(0, mostAtOnce));
      // After its statement, which the pool sends on the next tick.
      process.nextTick(answer);
      answer = await committed;
    }
    answer();
    isRunning = false;
  };

  return {
    add: (event) =>
      new Promise((resolve, reject) => {
        waiting.push({ event, resolve, reject });
        if (isRunning) return;
        isRunning = true;
        void run();
      }),
    takeBack: (event) => {
      const place = waiting.findIndex((one) => one.event === event);
      if (place === -1) return false;
      waiting.splice(place, 1);
      return true;
    },
  };
}
