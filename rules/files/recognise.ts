import { maskName } from "../../core/personal.ts";
import { requiredFields } from "./file-kinds.ts";
import {
  meaningsOf,
  plainHeader,
  type FileField,
  type FileFormat,
  type KnownReport,
  type Meanings,
} from "./header-meanings.ts";

/** What a header comes to when it is read as one of a format. */
export interface HeaderMatch {
  format: FileFormat;
  /** Fields that it has columns for. */
  fields: number;
  /** Columns that have a name, and those of them that the format knows. */
  columns: number;
  known: number;
  /** Needed fields that it has neither a column nor a constant for. */
  missing: FileField[];
  /** Columns that the format does not know, as they stand in the file. */
  unknown: string[];
  /** Which of the sender's reports it is. */
  report: KnownReport | null;
}

const mostNamed = 20;

export function matchHeader(
  names: readonly string[],
  format: FileFormat,
  meanings: Meanings = meaningsOf(format, ""),
): HeaderMatch {
  const plain = new Set(names.map(plainHeader));
  const report =
    format.reports?.find(({ columns }) => columns.every((column) => plain.has(plainHeader(column)))) ?? null;
  const fields = new Set<FileField>();
  const unknown: string[] = [];
  let columns = 0;
  for (const name of names) {
    if (plainHeader(name) === "") continue;
    columns += 1;
    const uses = meanings.of(name);
    if (uses.length === 0) unknown.push(name.trim());
    for (const use of uses) if (use.kind === "field") fields.add(use.field);
  }
  const missing = requiredFields(format.kind).filter(
    (field) => !fields.has(field) && format.constants[field] === undefined,
  );
  return { format, fields: fields.size, columns, known: columns - unknown.length, missing, unknown, report };
}

export const isWhole = ({ missing, unknown }: HeaderMatch) => missing.length === 0 && unknown.length === 0;

/** Whether a header is plainly meant to be one of the format: two fields, and most of its columns. */
export const isLike = ({ fields, known, columns }: HeaderMatch) => fields >= 2 && known * 2 > columns;

/**
 * Which format a header is: one that it is whole, else the one it is nearest to; null when it is near none. Of several that
 * are whole, and of several as near, the earlier one.
 */
export function recogniseFormat(matches: readonly HeaderMatch[]): HeaderMatch | null {
  const whole = matches.filter((match) => match.fields >= 2).find(isWhole);
  if (whole !== undefined) return whole;
  const nearness = ({ known, columns, missing }: HeaderMatch) => known / Math.max(1, columns) - missing.length / 100;
  return matches
    .filter(isLike)
    .reduce<HeaderMatch | null>(
      (best, match) => (best === null || nearness(match) > nearness(best) ? match : best),
      null,
    );
}

/** What keeps a header from being one of its format, all at once, and what can be done about it; null when nothing does. */
export function describeMismatch(match: HeaderMatch): string | null {
  if (isWhole(match)) return null;
  const { format, missing, unknown, report } = match;
  const headerOf = (field: FileField) => format.columns[field]?.[0] ?? field;
  const lacks =
    missing.length === 0
      ? []
      : [
          `it lacks the column${plural(missing)} ${missing.map((field) => quoted(headerOf(field))).join(", ")}: add ${missing.length > 1 ? "them" : "it"} to the report, or give a constant (${missing.map((field) => `${field}=…`).join(", ")})`,
        ];
  const strange =
    unknown.length === 0
      ? []
      : [
          `${lacks.length > 0 ? "and it has" : "it has"} the column${plural(unknown)} ${unknown.slice(0, mostNamed).map(quoted).join(", ")}${unknown.length > mostNamed ? ` and ${unknown.length - mostNamed} more` : ""}, which the mapping does not know: list ${unknown.length > 1 ? "them" : "it"} under "ignore" if no line is split by ${unknown.length > 1 ? "them" : "it"}, else under "sumOver"`,
        ];
  const what = report === null ? "" : `, the report "${report.title}"`;
  const title = isLike(match)
    ? `this looks like ${format.name}${what}`
    : `this is no file of the mapping ${format.name}`;
  return `${title}; ${[...lacks, ...strange].join("; ")}`;
}

const plural = (list: readonly unknown[]) => (list.length > 1 ? "s" : "");

/** A header as it stands in the file, short enough for a sentence. */
function quoted(header: string): string {
  const plain = maskName(header).replace(/[\0\r\n\t]+/g, " ");
  return `"${plain.length > 60 ? `${plain.slice(0, 60)}…` : plain}"`;
}
