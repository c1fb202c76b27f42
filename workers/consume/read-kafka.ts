import { setTimeout as pause } from "node:timers/promises";
import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage } from "kafkajs";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { markOf } from "../../activities/streams/store-messages.ts";
import type { ReadStream } from "../../activities/streams/shapes.ts";
import { openKafka } from "../../connectors/streams/kafka.ts";
import type { StreamMessage } from "../../connectors/streams/shapes.ts";
import { claimPartition, holdPartition, keepClaims, releasePartition, skipGone } from "../../queries/streams/claims.ts";
import { noteLag, readPartitions } from "../../queries/streams/progress.ts";
import type { KafkaSettings } from "../../settings/streams.ts";
import type { Held } from "./held.ts";
import { PartitionReading } from "./partition-reading.ts";
import type { ConsumerParts } from "./parts.ts";

const fetchWaitMs = 1_000;
const heartbeatMs = 2_000;
/** One that is killed is noticed after so long, and its partitions given to others. */
const sessionMs = 10_000;
const lookMs = 5_000;
/** After a partition was lost it is not taken back at once: whoever has it now may be the one that the group means. */
const lostPauseMs = 3_000;

/** What the broker has of a partition. */
interface Offsets {
  low: bigint;
  high: bigint;
}

/** A partition that this consumer is given, and how it is to be read on. */
interface Place {
  reading: PartitionReading;
  /** Where the broker was asked for messages; a batch from elsewhere is not ours. */
  asked: bigint;
  /** By the last message that was stored: the one at its place must be the same. Null once that is seen. */
  mark: string | null;
  /** How often in a row a batch began elsewhere. */
  strays: number;
}

/** Reads a topic as one of its group, until it is told to stop or the group cannot go on. */
export async function readKafka(
  parts: ConsumerParts,
  stream: ReadStream,
  { settings, held }: { settings: KafkaSettings; held: Held },
): Promise<void> {
  const { logger, redact } = parts;
  // A group for each topic: members of one that read different topics would be given each other's.
  const kafka = await openKafka(settings, `signal-room-${parts.consumer}`, (level, message, details) =>
    logger[level](details, redact(message)),
  );
  await new KafkaReading(parts, stream, { kafka, group: `${settings.group}-${stream.topic}`, held }).run();
}

class KafkaReading {
  readonly #admin: Admin;
  readonly #consumer: Consumer;
  readonly #places = new Map<number, Place>();
  readonly #notBefore = new Map<number, number>();
  readonly #paused = new Set<number>();
  readonly #beginning = new Map<number, Promise<Place | null>>();
  readonly #held: Held;
  #given: readonly number[] = [];

  constructor(
    private readonly parts: ConsumerParts,
    private readonly stream: ReadStream,
    { kafka, group, held }: { kafka: Kafka; group: string; held: Held },
  ) {
    this.#held = held;
    this.#admin = kafka.admin();
    this.#consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: sessionMs,
      rebalanceTimeout: 60_000,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: fetchWaitMs,
      // What cannot be tried again is tried again by whoever runs this, with a new connection.
      retry: {
        initialRetryTime: 300,
        maxRetryTime: 30_000,
        retries: 5,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
  }

  async run(): Promise<void> {
    const { signal } = this.parts;
    const consumer = this.#consumer;
    let crashed: (error: Error) => void = () => undefined;
    const crash = new Promise<never>((_resolve, reject) => (crashed = reject));
    crash.catch(() => undefined);
    consumer.on(consumer.events.CRASH, ({ payload }) => crashed(payload.error));
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      this.#assigned(payload.memberAssignment[this.stream.topic] ?? []),
    );
    try {
      await this.#admin.connect();
      await consumer.connect();
      await consumer.subscribe({ topics: [this.stream.topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => this.#take(payload),
      });
      while (!signal.aborted) {
        await Promise.race([crash, this.#look()]);
        await Promise.race([crash, pause(lookMs, undefined, { signal }).catch(() => undefined)]);
      }
    } finally {
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    const { database } = this.parts;
    await this.#consumer.stop().catch(() => undefined);
    for (const { reading } of this.#places.values()) {
      await reading.store();
      if (!reading.isLost)
        await releasePartition(database, { ...this.#of(reading.partition), claim: reading.claim.claim }).catch(
          () => undefined,
        );
      reading.drop();
    }
    await this.#consumer.disconnect().catch(() => undefined);
    await this.#admin.disconnect().catch(() => undefined);
  }

  #of(partition: string | number) {
    return { client: this.stream.client, stream: this.stream.name, partition: String(partition) };
  }

  /** A new generation of the group: what is not ours any more is forgotten, the rest is asked for again from where it is. */
  #assigned(partitions: readonly number[]): void {
    this.#given = partitions;
    for (const [partition, place] of this.#places) {
      if (!partitions.includes(partition)) this.#forget(partition);
      else place.strays = 0;
    }
  }

  #forget(partition: number): void {
    this.#places.get(partition)?.reading.drop();
    this.#places.delete(partition);
  }

  async #take({ batch, heartbeat, isStale, isRunning, resolveOffset }: EachBatchPayload): Promise<void> {
    const { partition } = batch;
    if (isStale() || !isRunning() || this.parts.signal.aborted) return;
    const fetched = BigInt((batch as unknown as { fetchedOffset: string }).fetchedOffset);
    await whileBeating(heartbeat, async () => {
      const place = await this.#place(partition);
      if (place === null) {
        await pause(fetchWaitMs / 2, undefined, { signal: this.parts.signal }).catch(() => undefined);
        return this.#seek(partition, fetched);
      }
      if (!(await this.#isNext(place, partition, fetched))) return;
      const next = BigInt(batch.lastOffset()) + 1n;
      const wanted = place.reading.next === null ? 0n : BigInt(place.reading.next);
      const messages = batch.messages.filter(({ offset }) => BigInt(offset) >= wanted).map(messageOf);
      if (place.mark !== null && !(await this.#isKnownAgain(place, partition, batch.messages[0]))) return;
      if (next > wanted) await place.reading.add(messages, String(next));
      place.asked = next;
      if (place.reading.isLost) return this.#lose(partition, fetched);
      resolveOffset(batch.lastOffset());
    });
  }

  /** The partition as it is read now; takes it when it is not. Null where it must not be read, or not yet. */
  async #place(partition: number): Promise<Place | null> {
    const known = this.#places.get(partition);
    if (known !== undefined && !known.reading.isLost) return known;
    if (Date.now() < (this.#notBefore.get(partition) ?? 0)) return null;
    this.#places.delete(partition);
    // A batch and a look round may both want it: it is taken once.
    const begun = this.#beginning.get(partition) ?? this.#beginSafely(partition);
    this.#beginning.set(partition, begun);
    return begun.finally(() => this.#beginning.delete(partition));
  }

  async #beginSafely(partition: number): Promise<Place | null> {
    try {
      return await this.#begin(partition);
    } catch (error) {
      const { logger, redact } = this.parts;
      const of = this.#of(partition);
      logger.warn({ ...of, err: redact(String(error)) }, "the partition could not be taken, and is tried again");
      this.#notBefore.set(partition, Date.now() + fetchWaitMs);
      return null;
    }
  }

  async #begin(partition: number): Promise<Place | null> {
    const { database, consumer } = this.parts;
    const of = this.#of(partition);
    const offsets = (await this.#offsets()).get(partition);
    if (offsets === undefined) return null;
    const claim = await claimPartition(database, { ...of, consumer });
    if (claim.held !== null) return this.#pause(partition);
    const { position } = claim;
    if (position !== null && BigInt(position) > offsets.high)
      return this.#hold(partition, `it was read up to offset ${position}, and the topic ends at ${offsets.high}`);
    if (position !== null && BigInt(position) < offsets.low) {
      if (!(await this.#skip(partition, claim, offsets))) return null;
      claim.position = String(offsets.low);
      claim.mark = null;
    }
    const reading = new PartitionReading(this.parts, {
      ...{ stream: this.stream, partition: of.partition, claim, held: this.#held },
    });
    const next = claim.position === null ? offsets.low : BigInt(claim.position);
    if (claim.position === null) reading.skipTo(String(next));
    // The message before, once more: only by it a topic that was made again is known.
    const asked = claim.mark !== null && next > offsets.low ? next - 1n : next;
    const place = { reading, asked, mark: asked < next ? claim.mark : null, strays: 0 };
    this.#places.set(partition, place);
    this.#seek(partition, asked);
    return place;
  }

  /** Whether a batch is what was asked for; if not, it is asked for again. */
  async #isNext(place: Place, partition: number, fetched: bigint): Promise<boolean> {
    if (fetched === place.asked) {
      place.strays = 0;
      return true;
    }
    place.strays += 1;
    if (place.strays >= 2) {
      const offsets = (await this.#offsets()).get(partition);
      if (offsets !== undefined && fetched > place.asked && place.asked >= offsets.low && place.asked <= offsets.high) {
        // Between the two stands nothing for us: marks of transactions, and what was compacted away.
        place.reading.skipTo(String(fetched));
        place.mark = null;
        place.strays = 0;
        return true;
      }
      // What was asked for is not there any more: taken again, it is seen what has become of it.
      await place.reading.store();
      this.#forget(partition);
      this.#seek(partition, fetched);
      return false;
    }
    this.#seek(partition, place.asked);
    return false;
  }

  async #isKnownAgain(place: Place, partition: number, first: KafkaMessage | undefined): Promise<boolean> {
    const mark = place.mark;
    place.mark = null;
    const before = BigInt(place.reading.next ?? 0) - 1n;
    // One that was compacted away shows nothing.
    if (first === undefined || BigInt(first.offset) !== before || markOf({ messages: [messageOf(first)] }) === mark)
      return true;
    await this.#hold(partition, `another message stands at offset ${before} than the one that was stored from there`);
    return false;
  }

  #seek(partition: number, offset: bigint): void {
    this.#consumer.seek({ topic: this.stream.topic, partition, offset: String(offset) });
  }

  #lose(partition: number, fetched: bigint): void {
    this.#forget(partition);
    this.#notBefore.set(partition, Date.now() + lostPauseMs);
    this.#seek(partition, fetched);
  }

  #pause(partition: number): null {
    this.#paused.add(partition);
    this.#consumer.pause([{ topic: this.stream.topic, partitions: [partition] }]);
    return null;
  }

  /** The topic is not the one that was read, or has lost its end: whether to begin again only a person can say. */
  async #hold(partition: number, why: string): Promise<null> {
    const of = this.#of(partition);
    const message = `${of.stream}, partition ${partition}: ${why}. Was the topic deleted and made again? It is not read until you say where to go on: npm run streams -- seek`;
    await holdPartition(this.parts.database, { ...of, why });
    await raiseAlert(this.parts.database, {
      ...{ client: of.client, area: "ingest", kind: "stream_held", subject: `${of.stream}/${partition}` },
      ...{ severity: "critical", message, details: { why } },
    });
    this.parts.logger.error(of, message);
    this.#forget(partition);
    return this.#pause(partition);
  }

  /** Messages that went before they were read, as the topic's retention wants: they cannot be brought back, so it goes on. */
  async #skip(partition: number, { claim, position }: PartitionReading["claim"], { low }: Offsets): Promise<boolean> {
    const of = this.#of(partition);
    if (!(await skipGone(this.parts.database, { ...of, claim, from: position, next: String(low) }))) return false;
    const message = `${of.stream}, partition ${partition}: the messages from offset ${position} up to ${low} went before they were read: the topic keeps them for too short a time. Have their rows sent again`;
    await raiseAlert(this.parts.database, {
      ...{ client: of.client, area: "ingest", kind: "stream_gap", subject: `${of.stream}/${partition}/${low}` },
      ...{ severity: "critical", message, details: { from: position, to: String(low) } },
    });
    this.parts.logger.error(of, message);
    return true;
  }

  async #offsets(): Promise<Map<number, Offsets>> {
    const found = await this.#admin.fetchTopicOffsets(this.stream.topic);
    return new Map(found.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
  }

  /** Notes how far behind the topic is, keeps what is read, and takes up what a person has decided. */
  async #look(): Promise<void> {
    const { database, logger, redact } = this.parts;
    // Before what is stored is read: one that is held in the meantime would look as if it had been decided on.
    const paused = [...this.#paused];
    try {
      const offsets = await this.#offsets();
      const stored = await readPartitions(database, this.#of(""));
      const others = new Set(
        stored.filter(({ owner }) => owner !== null && owner !== this.parts.consumer).map(({ partition }) => partition),
      );
      const partitions = [...offsets].flatMap(([partition, { low, high }]) => {
        if (others.has(String(partition))) return [];
        const known = stored.find((one) => one.partition === String(partition));
        const position = known?.position == null ? low : BigInt(known.position);
        const lag = Number(high > position ? high - position : 0n);
        const waitingSince = lag === 0 ? null : (this.#places.get(partition)?.reading.storedUpTo ?? null);
        return [{ partition: String(partition), lag, waitingSince }];
      });
      await noteLag(database, { ...this.#of(""), partitions });
      await this.#keep();
      for (const partition of paused) {
        if (stored.find((one) => one.partition === String(partition))?.held !== null) continue;
        this.#paused.delete(partition);
        this.#consumer.resume([{ topic: this.stream.topic, partitions: [partition] }]);
        await settleAlerts(database, {
          ...{ client: this.stream.client, area: "ingest", kinds: ["stream_held"] },
          ...{ subject: `${this.stream.name}/${partition}`, notes: "a person has said where to go on" },
        });
      }
    } catch (error) {
      logger.warn(
        { stream: this.stream.name, err: redact(String(error)) },
        "how far the topic is read could not be noted",
      );
    }
  }

  async #keep(): Promise<void> {
    const claims = [...this.#places.values()].map(({ reading }) => ({
      partition: reading.partition,
      claim: reading.claim.claim,
    }));
    for (const partition of await keepClaims(this.parts.database, { ...this.#of(""), claims })) {
      this.#forget(Number(partition));
      this.#notBefore.set(Number(partition), Date.now() + lostPauseMs);
    }
    // Also where no message comes that would ask for it: what is stored may be behind what the group remembers.
    for (const partition of this.#given) if (!this.#paused.has(partition)) await this.#place(partition);
    // The group's own memory is for tools that look at it: reading resumes from Postgres.
    const topic = this.stream.topic;
    const offsets = [...this.#places.values()].flatMap(({ reading }) =>
      reading.storedTo === null ? [] : [{ topic, partition: Number(reading.partition), offset: reading.storedTo }],
    );
    if (offsets.length > 0) await this.#consumer.commitOffsets(offsets).catch(() => undefined);
  }
}

function messageOf({ offset, value, timestamp }: KafkaMessage): StreamMessage {
  const at = Number(timestamp);
  return { position: offset, value, at: at > 0 && at < 8.64e15 ? new Date(at) : null };
}

/** Work that may take long, while the group is told that this consumer is there. */
async function whileBeating(heartbeat: () => Promise<void>, work: () => Promise<void>): Promise<void> {
  let failed: unknown;
  const beats = setInterval(() => {
    heartbeat().catch((error: unknown) => (failed ??= error));
  }, heartbeatMs);
  try {
    await work();
  } finally {
    clearInterval(beats);
  }
  // A new generation of the group: only the one that called us can join it.
  if (failed !== undefined) throw failed;
}
