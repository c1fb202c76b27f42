import { jsonDelimiter } from "../../connectors/files/json-fields.ts";
import { extendMapping, type FileMapping } from "../../connectors/files/mapping.ts";
import { defaultLimits } from "../../connectors/files/performance-file.ts";
import { sortMessages } from "../../connectors/streams/sort-messages.ts";
import { sha256 } from "../../core/crypto.ts";
import type { AddedEvents } from "../../queries/files/merge-shapes.ts";
import type { RejectedLineError } from "../../queries/files/quarantined-lines.ts";
import type { Dialect } from "../../rules/files/one-record.ts";

/** An event by a hash of its id: what remembers it need not name a person. */
const eventHash = (event: string): Buffer => Buffer.from(sha256(event), "hex").subarray(0, 16);

export function eventsOf(stream: string, events: ReadonlyMap<number, string>): AddedEvents {
  return { stream, lines: [...events.keys()], hashes: [...events.values()].map(eventHash) };
}

/** The id of an event is no part of a row. */
export const withoutEvent = (mapping: FileMapping, eventField: string): FileMapping =>
  extendMapping(mapping, { ignore: [eventField] });

/**
 * The messages of a topic that were rejected, judged again each by its own fields, and those that can be read as the lines
 * of a file.
 */
export async function messagesApart(
  opened: AsyncIterable<readonly { line: number; content: string }[]>,
  reading: {
    mapping: FileMapping;
    currency: string;
    eventField: string | null;
    still: (lines: readonly RejectedLineError[]) => Promise<void>;
  },
): Promise<{
  dialect: Dialect;
  /** Whether none can be read. */
  isEmpty: boolean;
  each: AsyncIterable<readonly { line: number; content: string }[]>;
  leftOut: () => number;
  events: (stream: string) => AddedEvents;
}> {
  const lines: { line: number; content: string }[] = [];
  for await (const some of opened) lines.push(...some);
  const messages = lines.map(({ line, content }) => ({
    position: String(line),
    value: Buffer.from(content),
    at: null,
  }));
  const sorted = sortMessages(messages, { ...reading, maxBytes: defaultLimits.maxLineBytes });
  /** Of the line that stands at this place among those that are open. */
  const lineAt = (place: number) => lines[place - 1]?.line ?? 0;
  const others = lines.slice(sorted.taken).map(({ line }) => ({
    line,
    column: null,
    reason: "the message names a field otherwise than those before it: re-process it once they are resolved",
  }));
  const odd = sorted.rejected.map(({ line, column, reason }) => ({ line: lineAt(line), column, reason }));
  if (odd.length + others.length > 0) await reading.still([...odd, ...others]);
  const records = sorted.records.map(({ line, content }) => ({ line: lineAt(line), content }));
  return {
    dialect: { header: JSON.stringify(sorted.fields), delimiter: jsonDelimiter },
    isEmpty: records.length === 0,
    each: inOne(records),
    leftOut: () => odd.length + others.length,
    events: (stream) => eventsOf(stream, new Map([...sorted.events].map(([line, event]) => [lineAt(line), event]))),
  };
}

export async function* inOne<Some>(all: Some): AsyncGenerator<Some> {
  yield all;
}
