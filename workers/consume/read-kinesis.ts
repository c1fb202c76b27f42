import { setTimeout as pause } from "node:timers/promises";
import { ConnectorError } from "../../connectors/errors.ts";
import { openKinesis, type KinesisStream, type Shard } from "../../connectors/streams/kinesis.ts";
import type { ReadStream } from "../../activities/streams/shapes.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import {
  claimFreePartition,
  finishPartition,
  holdPartition,
  keepClaims,
  releasePartition,
} from "../../queries/streams/claims.ts";
import { findStream, identifyStream } from "../../queries/streams/declared.ts";
import { noteLag, readPartitions, type PartitionState } from "../../queries/streams/progress.ts";
import type { KinesisSettings } from "../../settings/streams.ts";
import type { Held } from "./held.ts";
import { PartitionReading } from "./partition-reading.ts";
import type { ConsumerParts } from "./parts.ts";

/** A shard is asked five times a second at most, by all that read it together. */
const askMs = 250;
const idleMs = 1_000;
const lookMs = 3_000;
const freeAfterSeconds = 20;
const longestPauseMs = 30_000;

/** Reads the shards of a stream, shared out among the consumers by claims in Postgres, until it is told to stop. */
export async function readKinesis(
  parts: ConsumerParts,
  stream: ReadStream,
  of: { settings: KinesisSettings; held: Held; consumers: () => number },
): Promise<void> {
  const kinesis = await openKinesis(of.settings, stream.topic);
  const reading = new KinesisReading(parts, stream, kinesis, of);
  try {
    await reading.run();
  } finally {
    await reading.end();
    kinesis.close();
  }
}

class KinesisReading {
  readonly #shards = new Map<string, { reading: PartitionReading; ended: Promise<void> }>();
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;

  constructor(
    private readonly parts: ConsumerParts,
    private readonly stream: ReadStream,
    private readonly kinesis: KinesisStream,
    private readonly of: { held: Held; consumers: () => number },
  ) {
    this.#signal = AbortSignal.any([parts.signal, this.#ending.signal]);
  }

  async run(): Promise<void> {
    await this.#assertSame();
    while (!this.#signal.aborted) {
      await this.#look();
      await pause(lookMs, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  async end(): Promise<void> {
    this.#ending.abort();
    const { database } = this.parts;
    for (const { reading, ended } of this.#shards.values()) {
      await ended;
      await reading.store();
      const of = { ...this.#name, partition: reading.partition, claim: reading.claim.claim };
      if (!reading.isLost) await releasePartition(database, of).catch(() => undefined);
      reading.drop();
    }
    this.#shards.clear();
  }

  get #name() {
    return { client: this.stream.client, stream: this.stream.name };
  }

  /** A stream that was deleted and made again has other records under the same name: a person decides what becomes of it. */
  async #assertSame(): Promise<void> {
    const { database } = this.parts;
    const identity = await this.kinesis.identity(this.#signal);
    const known = (await findStream(database, this.#name))?.identity ?? null;
    if (known === null) return identifyStream(database, { ...this.#name, identity });
    if (known === identity) return;
    const why = `the stream was made at ${identity}, and the one that was read at ${known}`;
    for (const { partition } of await readPartitions(database, this.#name))
      await holdPartition(database, { ...this.#name, partition, why });
    const message = `${this.stream.name}: ${why}. It is not read until you say where to go on: npm run streams -- seek`;
    await raiseAlert(database, {
      ...{ client: this.stream.client, area: "ingest", kind: "stream_held", subject: this.stream.name },
      ...{ severity: "critical", message, details: { why } },
    });
    throw new Error(message);
  }

  /** Takes shards that nobody reads, up to this consumer's share, and says of its own that it still reads them. */
  async #look(): Promise<void> {
    const { database, logger, redact, consumer } = this.parts;
    const shards = await this.kinesis.shards(this.#signal);
    const known = new Map((await readPartitions(database, this.#name)).map((one) => [one.partition, one]));
    await settleAlerts(database, {
      ...{ client: this.stream.client, area: "ingest", kinds: ["stream_held"], subject: this.stream.name },
      notes: "a person has said where to go on",
    });
    const claims = [...this.#shards.values()].map(({ reading }) => ({
      partition: reading.partition,
      claim: reading.claim.claim,
    }));
    for (const partition of await keepClaims(database, { ...this.#name, claims })) {
      logger.warn({ ...this.#name, partition }, "another consumer has this shard");
      this.#shards.get(partition)?.reading.drop();
    }
    for (const [id, { reading }] of this.#shards) if (reading.isLost) this.#shards.delete(id);
    const open = shards.filter((shard) => mayBeRead(shard, known, shards));
    await noteLag(database, {
      ...this.#name,
      partitions: open
        .filter(({ id }) => !known.has(id))
        .map(({ id }) => ({ partition: id, lag: null, waitingSince: null })),
    });
    const share = Math.ceil(open.length / Math.max(1, this.of.consumers()));
    await this.#giveBack(share);
    for (const { id } of open) {
      if (this.#shards.size >= share) break;
      if (this.#shards.has(id)) continue;
      const of = { ...this.#name, partition: id };
      const claim = await claimFreePartition(database, { ...of, consumer, freeAfterSeconds });
      if (claim === null || claim.held !== null || claim.isFinished) continue;
      const reading = new PartitionReading(this.parts, {
        stream: this.stream,
        partition: id,
        claim,
        held: this.of.held,
      });
      const ended = this.#readShard(reading).catch((error: unknown) =>
        logger.warn({ ...of, err: redact(String(error)) }, "the shard is left, and taken again"),
      );
      this.#shards.set(id, { reading, ended });
    }
  }

  /** What is more than this consumer's share is left to those that have come. */
  async #giveBack(share: number): Promise<void> {
    for (const [id, { reading }] of [...this.#shards].slice(share)) {
      await reading.store();
      reading.drop();
      this.#shards.delete(id);
      const of = { ...this.#name, partition: id, claim: reading.claim.claim };
      await releasePartition(this.parts.database, of);
    }
  }

  async #readShard(reading: PartitionReading): Promise<void> {
    const { database, logger, redact } = this.parts;
    const shard = reading.partition;
    const of = { ...this.#name, partition: shard, claim: reading.claim.claim };
    let iterator: string | null = null;
    let notedAt = 0;
    let waitMs = idleMs;
    while (!this.#signal.aborted && !reading.isLost) {
      try {
        iterator ??= await this.kinesis.iterator(shard, reading.next, this.#signal);
        const read = await this.kinesis.read(iterator, reading.next, this.#signal);
        if (read.messages.length > 0) await reading.add(read.messages, read.next);
        iterator = read.iterator;
        if (iterator === null) {
          await reading.store();
          if (!reading.isLost) await finishPartition(database, of);
          return reading.drop();
        }
        if (Date.now() - notedAt > lookMs) {
          notedAt = Date.now();
          await this.#noteLag(reading, read.behindMs);
        }
        waitMs = idleMs;
        const isIdle = read.messages.length === 0 && read.behindMs === 0;
        await pause(isIdle ? idleMs : askMs, undefined, { signal: this.#signal }).catch(() => undefined);
      } catch (error) {
        if (this.#signal.aborted) return;
        // An iterator lives for five minutes.
        iterator = null;
        const isExpired = error instanceof ConnectorError && error.code === "ExpiredIteratorException";
        if (isExpired) continue;
        logger.warn({ ...of, err: redact(String(error)), waitMs }, "the shard could not be read, and is tried again");
        await pause(waitMs, undefined, { signal: this.#signal }).catch(() => undefined);
        waitMs = Math.min(2 * waitMs, longestPauseMs);
      }
    }
  }

  async #noteLag(reading: PartitionReading, behindMs: number): Promise<void> {
    const isBehind = behindMs > 0 || reading.waitedMs > 0;
    await noteLag(this.parts.database, {
      ...this.#name,
      partitions: [
        {
          partition: reading.partition,
          lag: isBehind ? null : 0,
          waitingSince: isBehind ? new Date(Date.now() - Math.max(behindMs, reading.waitedMs)) : null,
        },
      ],
    });
  }
}

/** A shard's keys were those of its parents before: they are read to their end first, where they are still there. */
function mayBeRead(shard: Shard, known: ReadonlyMap<string, PartitionState>, all: readonly Shard[]): boolean {
  if (known.get(shard.id)?.isFinished === true || known.get(shard.id)?.held != null) return false;
  return shard.parents.every(
    (parent) => known.get(parent)?.isFinished === true || !all.some(({ id }) => id === parent),
  );
}
