import { setTimeout as pause } from "node:timers/promises";
import { storeMessages } from "../../activities/streams/store-messages.ts";
import type { ReadStream } from "../../activities/streams/shapes.ts";
import type { StreamMessage } from "../../connectors/streams/shapes.ts";
import { ClaimLost, type Claim } from "../../queries/streams/claims.ts";
import type { Held } from "./held.ts";
import type { ConsumerParts } from "./parts.ts";

const firstPauseMs = 500;
const longestPauseMs = 30_000;

/** Messages of a partition that were read and are not stored yet, and where reading it is. */
export class PartitionReading {
  /** Where reading goes on; null: at the beginning. */
  next: string | null;
  /** Somebody else has the partition, or a person has moved it: nothing of it is stored from here. */
  isLost = false;
  /** When the last message came that was stored. */
  storedUpTo: Date | null = null;
  #from: string | null;
  #messages: StreamMessage[] = [];
  #bytes = 0;
  #since = 0;
  #underWay: Promise<void> = Promise.resolve();

  readonly stream: ReadStream;
  readonly partition: string;
  readonly claim: Claim;
  readonly #held: Held;

  constructor(
    private readonly parts: ConsumerParts,
    of: { stream: ReadStream; partition: string; claim: Claim; held: Held },
  ) {
    this.stream = of.stream;
    this.partition = of.partition;
    this.claim = of.claim;
    this.next = of.claim.position;
    this.#from = of.claim.position;
    this.#held = of.held;
    this.#held.readings.add(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get waitedMs(): number {
    return this.#messages.length === 0 ? 0 : Date.now() - this.#since;
  }

  /** Up to where it is stored; null for nothing. */
  get storedTo(): string | null {
    return this.#from;
  }

  /** Takes messages that come next. What is kept in memory is bounded: then all that waits is stored first. */
  async add(messages: readonly StreamMessage[], next: string): Promise<void> {
    if (this.isLost) return;
    if (this.#messages.length === 0) this.#since = Date.now();
    for (const message of messages) {
      this.#messages.push(message);
      this.#bytes += (message.value?.length ?? 0) + messageBytes;
    }
    this.next = next;
    await this.#held.storeWhenFull();
  }

  /** Nothing stands in these places: control records, or what was compacted away. */
  skipTo(next: string): void {
    this.next = next;
  }

  /** Stores what waits; one after the other. Tries for as long as it takes, unless it is told to stop. */
  store(): Promise<void> {
    this.#underWay = this.#underWay.then(() => this.#store());
    return this.#underWay;
  }

  /** Forgets what was read and is not stored: whoever has the partition reads it again. */
  drop(): void {
    this.isLost = true;
    this.#messages = [];
    this.#bytes = 0;
    this.#held.readings.delete(this);
  }

  async #store(): Promise<void> {
    const messages = this.#messages;
    const next = this.next;
    if (this.isLost || messages.length === 0 || next === null) return;
    this.#messages = [];
    const bytes = this.#bytes;
    const { logger, redact, signal } = this.parts;
    const of = { stream: this.stream.name, client: this.stream.client, partition: this.partition };
    const batch = {
      stream: this.stream,
      partition: this.partition,
      claim: this.claim.claim,
      from: this.#from,
      messages,
      next,
    };
    for (let waitMs = firstPauseMs; ; waitMs = Math.min(2 * waitMs, longestPauseMs)) {
      try {
        const { rejected, repeated, fileId } = await storeMessages(this.parts, batch);
        logger.debug({ ...of, fileId, messages: messages.length, rejected, repeated, next }, "stored");
        this.#from = next;
        this.#bytes -= bytes;
        const at = messages.at(-1)?.at ?? null;
        // Whoever sends a message may give it any moment.
        this.storedUpTo = at === null ? null : new Date(Math.min(at.getTime(), Date.now()));
        return;
      } catch (error) {
        if (error instanceof ClaimLost) {
          logger.warn(of, "another consumer has this partition: what was read of it is left to it");
          return this.drop();
        }
        logger.warn({ ...of, err: redact(String(error)), waitMs }, "messages could not be stored, and are tried again");
        if (signal.aborted) return this.drop();
        await pause(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}

/** What a message takes in memory beside its own bytes. */
const messageBytes = 200;
