import type { FileMapping } from "../../connectors/files/mapping.ts";
import type { StreamMessage } from "../../connectors/streams/shapes.ts";
import type { Redact } from "../../core/redact.ts";
import type { Database } from "../../schema/database.ts";
import type { Config } from "../../settings/config.ts";
import type { DeclaredStream } from "../../settings/streams.ts";

/** What storing messages needs. What `redact` lets through names no person: a message can hold anything. */
export interface StreamContext {
  database: Database;
  config: Pick<Config, "ingest" | "clients" | "credentialsKey" | "identityKey" | "payloadKey" | "hashingKey">;
  redact: Redact;
}

/** A topic with the mapping that its messages are read by. */
export interface ReadStream extends DeclaredStream {
  reading: {
    mapping: FileMapping;
    /** Of one that comes with the code, or of a mapping file. */
    reference: string;
    content: unknown;
  };
}

/** Messages of one partition on their way into the table. */
export interface MessageBatch {
  stream: ReadStream;
  partition: string;
  /** By which whoever stores them has the partition. */
  claim: number;
  /** Up to where it was stored before them; null for nothing. */
  from: string | null;
  messages: readonly StreamMessage[];
  /** Where reading goes on after the last of them. */
  next: string;
}

/** What became of some messages. */
export interface StoredMessages {
  /** Null where they were stored before, by an attempt whose commit went unanswered. */
  fileId: number | null;
  messages: number;
  rejected: number;
  repeated: number;
}
