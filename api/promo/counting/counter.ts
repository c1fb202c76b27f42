import type { Logger } from "../../../core/log.ts";
import type { Click, Event, Impression, Outcome } from "../../../rules/promo/events.ts";
import { withinMs } from "../../../core/deadline.ts";
import { createBatches, type Batches } from "./batches.ts";
import { drainFile, Unreadable, type DrainOptions, type Recorder } from "./drain.ts";
import { Spool, type SpoolState } from "./spool.ts";

/** `known`: the database has said what becomes of it. `spooled`: it is on the disk and will be counted. `lost`: it is nowhere, and its sender has to know. */
export type Counted = { state: "known"; outcome: Outcome } | { state: "spooled" } | { state: "lost" };

export interface CounterOptions {
  recorder: Recorder;
  /** Whether an error is about the events themselves, and not about reaching the database. */
  isTheirs: (error: unknown) => boolean;
  /** What is known to be wrong with an event while the database cannot be asked. */
  problemOf: (event: Event) => Outcome | null;
  spool: { folder: string; limitBytes: number };
  /** How long an event may wait for its commit before it goes to the disk. */
  deadlineMs: number;
  /** How long ids are remembered. */
  rememberedDays: number;
  logger: Logger;
  /** Told each time the spool was looked at while the database answers. */
  onSpool: (state: SpoolState) => Promise<void>;
  /** Told once of what lay in the spool and could not be read. */
  onUnreadable: (name: string) => Promise<void>;
  /** How often what lies in the spool is tried. */
  retryMs?: number;
}

const dayMs = 86_400_000;
const mostAtOnce = 500;
const retryEveryMs = 500;
/** How many of these pass before a process that has nothing to do looks for what others left behind. */
const idleTurns = 20;

/** Counts events: in the database with the others that wait, or on the disk until the database is back. */
export class Counter {
  readonly #options: CounterOptions;
  readonly #spool: Spool;
  readonly #impressions: Batches<Impression>;
  readonly #clicks: Batches<Click>;
  readonly #retryMs: number;
  readonly #behind = new Set<Promise<unknown>>();
  /** Files that could not be read, not yet reported. */
  readonly #unreadable = new Set<string>();
  #isAway = false;
  #timer: NodeJS.Timeout | undefined;
  #draining: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: CounterOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? retryEveryMs;
    this.#spool = new Spool(options.spool);
    const { isTheirs, recorder } = options;
    this.#impressions = createBatches({ record: recorder.impressions, isTheirs, mostAtOnce });
    this.#clicks = createBatches({ record: recorder.clicks, isTheirs, mostAtOnce });
  }

  get spool(): SpoolState {
    return this.#spool.state;
  }

  /** Looks for what processes that ended left behind, now and from time to time. */
  start(): void {
    this.#tryAfter(0);
  }

  async count(event: Event): Promise<Counted> {
    if (this.#isAway) return this.#keep(event);
    const committed = event.kind === "click" ? this.#clicks.add(event) : this.#impressions.add(event);
    try {
      return { state: "known", outcome: await withinMs(this.#options.deadlineMs, committed) };
    } catch (error) {
      if (this.#options.isTheirs(error)) throw error;
      this.#goAway(error);
      // Where its batch is under way nobody knows yet what comes of it. It counts once all the same, by its id.
      if (event.kind === "click") this.#clicks.takeBack(event);
      else this.#impressions.takeBack(event);
      return this.#keep(event);
    }
  }

  /** Counts what `event` makes, for those who do not wait for it. */
  countBehind(event: () => Promise<Event | null>): void {
    const counted = event()
      .then((made) => (made === null ? null : this.count(made)))
      .catch((error: unknown) => this.#options.logger.error({ err: messageOf(error) }, "a promo event was not counted"))
      .finally(() => this.#behind.delete(counted));
    this.#behind.add(counted);
  }

  /** What waits is counted or on the disk before the process goes. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#behind, this.#draining]);
    await this.#spool.close();
  }

  #goAway(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#options.logger.warn({ err: messageOf(error) }, "promo events go to the spool: the database is away or slow");
    this.#tryAfter(this.#retryMs);
  }

  async #keep(event: Event): Promise<Counted> {
    const problem = this.#options.problemOf(event);
    if (problem !== null) return { state: "known", outcome: problem };
    try {
      await this.#spool.append(event);
      return { state: "spooled" };
    } catch (error) {
      this.#options.logger.error({ err: messageOf(error) }, "a promo event could not be kept in the spool");
      return { state: "lost" };
    }
  }

  #tryAfter(afterMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#draining = this.#drain().finally(() => {
        const hasWork = this.#isAway || this.#spool.state.bytes > 0 || this.#unreadable.size > 0;
        this.#tryAfter(hasWork ? this.#retryMs : idleTurns * this.#retryMs);
      });
    }, afterMs);
    this.#timer.unref();
  }

  async #drain(): Promise<void> {
    const { recorder, isTheirs, deadlineMs, logger, rememberedDays, onSpool, onUnreadable } = this.#options;
    try {
      await withinMs(deadlineMs, recorder.clicks([]));
      if (this.#isAway) logger.info({}, "the database takes promo events again");
      this.#isAway = false;
      const files = await this.#spool.take();
      if (files.length > 0) await onSpool(this.#spool.state);
      const oldest = new Date(Date.now() - rememberedDays * dayMs);
      for (const file of files) await this.#drainFile(file, { recorder, isTheirs, oldest });
      await onSpool(this.#spool.state);
      for (const name of this.#unreadable) {
        await onUnreadable(name);
        this.#unreadable.delete(name);
      }
    } catch (error) {
      logger.debug({ err: messageOf(error) }, "the spool could not be counted yet");
    }
  }

  async #drainFile(file: string, options: DrainOptions): Promise<void> {
    const { logger } = this.#options;
    try {
      const drained = await drainFile(file, options);
      this.#spool.forget(file);
      logger.info({ ...drained, file }, "promo events of the spool were counted");
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const name = await this.#spool.setAside(file);
      this.#unreadable.add(name);
      logger.error(
        { err: messageOf(error), name },
        "something in the spool cannot be read: it is renamed and not counted",
      );
    }
  }
}

const messageOf = (error: unknown) => (error as Error).message;
