import { matchHeader } from "../../rules/files/recognise.ts";
import { requiredFields } from "../../rules/files/file-kinds.ts";
import { meaningsOf } from "../../rules/files/header-meanings.ts";
import type { Opening } from "./header.ts";
import { FieldNames, fieldsIn, longestRecord, lookAt } from "./json-fields.ts";
import { JsonScanner } from "./json-scanner.ts";
import { layOut, mostColumns } from "./layout.ts";
import type { FileMapping } from "./mapping.ts";
import { FileRefused, named } from "./reasons.ts";

/** A list of names before the first record, as rejected records are kept with; null where a file has none. */
function namesBefore(head: Buffer): { names: string[]; start: number } | null {
  const [list] = /^\s*\[\s*(?:"(?:[^"\\]|\\.)*"\s*,?\s*)+\]/.exec(head.toString("utf8", 0, 262_144)) ?? [];
  if (list === undefined) return null;
  try {
    return { names: JSON.parse(list) as string[], start: Buffer.byteLength(list) };
  } catch {
    return null;
  }
}

/** `fields` are those of the whole file, where they are known. */
export function openJson(
  head: Buffer,
  whole: boolean,
  reading: { mapping: FileMapping; currency: string; fields?: readonly string[] | null | undefined },
): Opening {
  const { mapping, currency } = reading;
  const before = namesBefore(head);
  const names = before?.names ?? reading.fields ?? fieldsIn(head, whole);
  const refuse = (why: string) => new FileRefused("header", why);
  if (names.length === 0) {
    // A text that is broken from its first record on has no names, and what is wrong with it is said first.
    new JsonScanner(new FieldNames(), longestRecord).take(head, whole);
    throw new FileRefused("empty", "the file has no records");
  }
  if (names.length > mostColumns) throw refuse(`the records have more than ${mostColumns} fields`);
  const meanings = meaningsOf(mapping, currency);
  if (matchHeader(names, mapping, meanings).fields < 2) {
    const wanted = requiredFields(mapping.kind)
      .map((field) => named(mapping.columns[field]?.[0] ?? field))
      .join(", ");
    const [list] = whole ? lookAt(head, whole).lists : [];
    const hint = list === undefined ? "" : `. The records must be the file's own list: ${named(list)} holds one`;
    throw refuse(`the records have no fields of the mapping ${mapping.name}, which has ${wanted}${hint}`);
  }
  return {
    layout: layOut(names, { mapping, meanings, currency, line: 1 }),
    delimiter: 0,
    isJson: true,
    headerLine: 1,
    start: before?.start ?? 0,
    line: 1,
    preamble: 0,
    blank: 0,
    text: JSON.stringify(names),
  };
}
