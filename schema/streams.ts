import { sql } from "drizzle-orm";
import { bigint, check, index, integer, primaryKey, text } from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant } from "./columns.ts";
import { ops } from "./ops.ts";

const streamColumns = { ...clientColumn, stream: text("stream").notNull() };
const count = (name: string) => bigint(name, { mode: "number" }).notNull().default(0);

/** A topic that is read, as it was declared when messages of it were stored first: whether they add is not changed in passing. */
export const streams = ops.table(
  "streams",
  {
    ...streamColumns,
    combine: text("combine").notNull(),
    /** The field by which events are told apart; null where none is added. */
    eventField: text("event_field"),
    /** Which stream of this name it is: one that was deleted and made again is another. */
    identity: text("identity"),
    declaredAt: instant("declared_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "streams_key", columns: [table.clientId, table.stream] }),
    check("streams_combine", sql`${table.combine} in ('replace', 'add')`),
  ],
);

/**
 * How far each partition has been stored, in the transaction that stored it: here reading resumes, whatever the broker
 * says. A claim is taken by whoever begins to read it; who has an older one can store nothing any more.
 */
export const streamPartitions = ops.table(
  "stream_partitions",
  {
    ...streamColumns,
    partition: text("partition").notNull(),
    /** Of Kafka the offset that comes next, of Kinesis the sequence number that was last; null before the first. */
    position: text("position"),
    /** A hash of the last message, by which a topic that was made again is known. */
    mark: text("mark"),
    claim: integer("claim").notNull().default(0),
    owner: text("owner"),
    ownerSeenAt: instant("owner_seen_at"),
    messages: count("messages"),
    /** Messages behind the end; null where the broker does not say. */
    lag: bigint("lag", { mode: "number" }),
    /** Since when messages wait that are not stored; null where none does. */
    waitingSince: instant("waiting_since"),
    storedAt: instant("stored_at"),
    seenAt: instant("seen_at").notNull().defaultNow(),
    /** A shard that was split or merged, and is read to its end. */
    finishedAt: instant("finished_at"),
    /** Why it is not read until a person decides. */
    held: text("held"),
  },
  (table) => [primaryKey({ name: "stream_partitions_key", columns: [table.clientId, table.stream, table.partition] })],
);

/** Processes that read a topic now, and how they are set. */
export const streamConsumers = ops.table(
  "stream_consumers",
  {
    ...streamColumns,
    consumer: text("consumer").notNull(),
    settingsHash: text("settings_hash").notNull(),
    startedAt: instant("started_at").notNull().defaultNow(),
    seenAt: instant("seen_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ name: "stream_consumers_key", columns: [table.clientId, table.stream, table.consumer] })],
);

/** Which messages a receipt of ops.files is of. */
export const streamBatches = ops.table(
  "stream_batches",
  {
    fileId: integer("file_id").primaryKey(),
    ...streamColumns,
    partition: text("partition").notNull(),
    claim: integer("claim").notNull(),
    firstPosition: text("first_position").notNull(),
    lastPosition: text("last_position").notNull(),
    messages: count("messages"),
    /** Messages whose event had been added before. */
    repeated: count("repeated"),
    committedAt: instant("committed_at").notNull().defaultNow(),
  },
  (table) => [index("stream_batches_recent").on(table.clientId, table.stream, table.committedAt)],
);

/** Events that were added: one that comes again adds nothing. A hash of its id, which may name a person. */
export const streamEvents = ops.table(
  "stream_events",
  {
    ...streamColumns,
    event: bytes("event").notNull(),
    addedAt: instant("added_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "stream_events_key", columns: [table.clientId, table.stream, table.event] }),
    index("stream_events_age").on(table.addedAt),
  ],
);
