import { jsonDelimiter } from "../../rules/files/one-record.ts";
import { decodeFile } from "./decode.ts";
import { readRecord } from "./json-record.ts";
import { JsonScanner, type RecordSink } from "./json-scanner.ts";
import { mostColumns } from "./layout.ts";
import { FileRefused } from "./reasons.ts";

export { jsonDelimiter };

export const longestRecord = 1_048_576;

/** Whether a text is JSON, by its beginning. */
export function isJson(head: Buffer): boolean {
  let at = 0;
  const sign = (): number => {
    while (at < head.length && (head[at] as number) <= 0x20) at += 1;
    return head[at++] ?? 0;
  };
  const first = String.fromCharCode(sign());
  const second = String.fromCharCode(sign());
  if (first === "{") return '"}\0'.includes(second);
  return first === "[" && '{["]\0'.includes(second);
}

/** The names of the fields in all records of a text, in the order in which they come. */
export class FieldNames implements RecordSink {
  readonly names = new Set<string>();
  /** Fields that hold lists: of a single record they may be what was meant. */
  readonly lists = new Set<string>();

  record({ bytes, start, end }: { bytes: Buffer; start: number; end: number }): void {
    readRecord(bytes.toString("utf8", start, end), (name, value, kind) => {
      const plain = name.trim();
      if (this.names.size <= mostColumns && plain !== "") this.names.add(plain);
      if (kind === "nested" && value.startsWith("[") && this.lists.size < 10) this.lists.add(plain);
    });
  }

  tooLong(): void {
    // It is rejected where the records are read.
  }
}

/**
 * The names of the fields of a whole JSON file, null for a file that is none. A record names its own fields, so that only
 * all of them together say what the file has.
 */
export async function fieldsOfJson(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string,
  signal?: AbortSignal,
): Promise<string[] | null> {
  const found = new FieldNames();
  let scanner: JsonScanner | null = null;
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of decodeFile(bytes, encoding, signal).pieces) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    if (scanner === null && !isJson(rest)) return null;
    scanner ??= new JsonScanner(found, longestRecord);
    rest = scanner.take(rest, false).rest;
  }
  scanner?.take(rest, true);
  return scanner === null ? null : [...found.names];
}

/** What can be seen in the beginning of a text. */
export function lookAt(head: Buffer, whole: boolean): FieldNames {
  const found = new FieldNames();
  try {
    new JsonScanner(found, longestRecord).take(head, whole);
  } catch (error) {
    // What is broken further down is reported where the records are read.
    if (!(error instanceof FileRefused)) throw error;
  }
  return found;
}

export const fieldsIn = (head: Buffer, whole: boolean): string[] => [...lookAt(head, whole).names];
