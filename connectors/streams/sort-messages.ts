import {
  fileFields,
  meaningsOf,
  plainHeader,
  type FileField,
  type Meanings,
} from "../../rules/files/header-meanings.ts";
import { readRecord } from "../files/json-record.ts";
import { layOut, mostColumns } from "../files/layout.ts";
import type { FileMapping } from "../files/mapping.ts";
import { FileRefused } from "../files/reasons.ts";
import type { RejectedLine } from "../files/shapes.ts";
import type { StreamMessage } from "./shapes.ts";

/** How the messages of a topic are to be read. */
export interface MessageReading {
  mapping: FileMapping;
  /** The client's. */
  currency: string;
  /** The field that tells events apart; null where nothing is added. */
  eventField: string | null;
  maxBytes: number;
}

export interface SortedMessages {
  /** The fields of all that can be read: its header, as it were. */
  fields: string[];
  records: { line: number; content: string }[];
  rejected: RejectedLine[];
  /** By line, counted from 1: the event that the message is of. */
  events: Map<number, string>;
  /** So many messages from the first on are sorted: the next one does not go together with them. */
  taken: number;
}

type Refusal = Pick<RejectedLine, "code" | "column" | "reason">;

const keptContent = 8_192;
const longestEventId = 512;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * Sets apart what cannot be read as one record of the mapping, so that no message spoils those beside it: each is judged
 * alone, by its own fields. What remains is read and checked as the records of a file are.
 */
export function sortMessages(messages: readonly StreamMessage[], reading: MessageReading): SortedMessages {
  const sorted: SortedMessages = { fields: [], records: [], rejected: [], events: new Map(), taken: 0 };
  const fieldSets = new FieldSets(reading);
  for (const [index, message] of messages.entries()) {
    const line = index + 1;
    const read = readMessage(message, reading);
    const refusal = "code" in read ? read : fieldSets.refusalOf(read.names);
    if (refusal !== null) sorted.rejected.push(rejectedMessage(line, message, refusal));
    else if (!("code" in read)) {
      if (!fieldSets.join(read.names)) break;
      sorted.records.push({ line, content: read.text });
      if (read.event !== null) sorted.events.set(line, read.event);
    }
    sorted.taken = line;
  }
  sorted.fields = fieldSets.fields;
  return sorted;
}

/** The id of the event that a record is of; null where it has none that can be told from others. */
export function eventOf(record: string, field: string): string | null {
  const found = fieldsOfRecord(record.trim(), field);
  return found === null ? null : found.event;
}

/** The names of a record's fields, and the value of the one that tells events apart; null when it is none. */
function fieldsOfRecord(text: string, eventField: string | null): { names: string[]; event: string | null } | null {
  const names: string[] = [];
  let event = "";
  const isRecord =
    text.startsWith("{") &&
    readRecord(text, (given, value, kind) => {
      const name = given.trim();
      names.push(name);
      if (name === eventField && (kind === "text" || kind === "number")) event = value.trim();
    });
  if (!isRecord) return null;
  return { names, event: event === "" || event.length > longestEventId ? null : event };
}

function readMessage(
  { value }: StreamMessage,
  { eventField, maxBytes }: MessageReading,
): { text: string; names: string[]; event: string | null } | Refusal {
  if (value === null || value.length === 0)
    return json("the message has no value: what a key had is never taken away by a message");
  if (value.length > maxBytes)
    return { code: "line_too_long", column: null, reason: `the message is longer than ${maxBytes} bytes` };
  let text: string;
  try {
    text = decoder.decode(value).trim();
  } catch {
    return json("the message is no text in UTF-8");
  }
  const read = fieldsOfRecord(text, eventField);
  if (read === null) return json("the message cannot be read as one record of JSON");
  const { names, event } = read;
  if (names.length === 0) return json("nothing stands in the message");
  if (names.length > mostColumns) return json(`the message has more than ${mostColumns} fields`);
  if (eventField !== null && event === null)
    return {
      code: "column_count",
      column: eventField,
      reason: `the field "${eventField}" is missing or no id: without it a message that comes twice would be added twice`,
    };
  // Between the fields of a record a line break says nothing, and within text JSON allows none.
  return { text: text.replace(/[\r\n]+/g, " "), names, event };
}

const json = (reason: string): Refusal => ({ code: "json", column: null, reason });

/** A message on its way into the quarantine, in as much of it as a line of a file is kept in. */
export function rejectedMessage(line: number, { value }: StreamMessage, refusal: Refusal): RejectedLine {
  const bytes = value ?? Buffer.alloc(0);
  const isWhole = bytes.length > 0 && bytes.length <= keptContent;
  const text = bytes.toString("utf8", 0, keptContent);
  const content = text.replace(/\0/g, "␀").replace(/[\r\n]+/g, " ");
  return { line, ...refusal, content: isWhole ? content : content.replace(/\ufffd+$/, ""), whole: isWhole };
}

/** The sets of fields that messages have, each checked as the header of a file would be. */
class FieldSets {
  fields: string[] = [];
  readonly #refusals = new Map<string, Refusal | null>();
  readonly #joined = new Set<string>();
  readonly #meanings: Meanings;
  /** What each field of a row is called by those that are joined; null where they leave it out. */
  readonly #called = new Map<FileField, string | null>();

  constructor(private readonly reading: MessageReading) {
    this.#meanings = meaningsOf(reading.mapping, reading.currency);
  }

  refusalOf(names: readonly string[]): Refusal | null {
    const key = keyOf(names);
    let refusal = this.#refusals.get(key);
    if (refusal === undefined) {
      refusal = this.#check(names);
      this.#refusals.set(key, refusal);
    }
    return refusal;
  }

  /**
   * False where a message would be read otherwise beside the others than alone: they call a field otherwise, or have one
   * for which something stands where it is left out.
   */
  join(names: readonly string[]): boolean {
    const key = keyOf(names);
    if (this.#joined.has(key)) return true;
    const together = [...new Set([...this.fields, ...names])];
    const called = this.#calledBy(names);
    for (const [field, name] of called) {
      const others = this.#called.get(field);
      const isLeftOut = name === null || others === null;
      const isSame = name === others || (isLeftOut && this.reading.mapping.constants[field] === undefined);
      if (others !== undefined && !isSame) return false;
    }
    if (together.length > mostColumns || this.#check(together) !== null) return false;
    for (const [field, name] of called) this.#called.set(field, name ?? this.#called.get(field) ?? null);
    this.fields = together;
    this.#joined.add(key);
    return true;
  }

  #calledBy(names: readonly string[]): Map<FileField, string | null> {
    const called = new Map<FileField, string | null>(fileFields.map((field) => [field, null]));
    const ranks = new Map<FileField, number>();
    for (const name of names)
      for (const use of this.#meanings.of(name)) {
        if (use.kind !== "field" || use.rank >= (ranks.get(use.field) ?? Infinity)) continue;
        ranks.set(use.field, use.rank);
        called.set(use.field, plainHeader(name));
      }
    return called;
  }

  #check(names: readonly string[]): Refusal | null {
    const { mapping, currency } = this.reading;
    try {
      // A name that stands twice is the record's own fault, and is found where it is read.
      layOut([...new Set(names)], { mapping, meanings: this.#meanings, currency, line: 1 });
      return null;
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error;
      const reason = error.message.replace(/^line 1: /, "");
      return { code: error.code === "currency" ? "currency" : "column_count", column: error.column, reason };
    }
  }
}

const keyOf = (names: readonly string[]) => names.join("\0");
