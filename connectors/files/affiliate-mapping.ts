import { readSmallTable, type TableLine } from "./small-table.ts";

/** What a line of internal-affiliates.csv says. */
export interface MappingLine {
  line: number;
  redtrackSourceId: string | null;
  redtrackSourceName: string | null;
  everflowAffiliateId: string | null;
  everflowAffiliateLabel: string;
  isInternal: boolean;
}

export interface MappingFile {
  rows: MappingLine[];
  /** Lines that a later one with the same key takes the place of. */
  superseded: { row: MappingLine; byLine: number }[];
}

/** Everything that is wrong with the file, each with its line and column. Nothing of it is used. */
export class MappingFileError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
    this.name = "MappingFileError";
  }
}

const columns = [
  "redtrack_source_id",
  "redtrack_source_name",
  "everflow_affiliate_id",
  "everflow_affiliate_label",
  "is_internal",
] as const;
type Column = (typeof columns)[number];
const required: readonly Column[] = ["redtrack_source_id", "everflow_affiliate_label", "is_internal"];

const yes = ["true", "yes", "1"];
const no = ["false", "no", "0"];
const longest = 200;
const mostProblems = 50;

/** Reads internal-affiliates.csv. A later line with the key of an earlier one wins; the earlier one is handed back too. */
export function parseMappingFile(bytes: Uint8Array): MappingFile {
  const { lines, problems } = readSmallTable(bytes, {
    columns,
    required,
    refuse: (found) => new MappingFileError(found),
  });
  const rows = new Map<string, MappingLine>();
  const superseded: MappingFile["superseded"] = [];
  for (const read of lines) {
    const row = readLine(read, problems);
    if (row === null) continue;
    const key = JSON.stringify([row.redtrackSourceId, row.redtrackSourceId ?? row.everflowAffiliateLabel]);
    const earlier = rows.get(key);
    if (earlier !== undefined) superseded.push({ row: earlier, byLine: row.line });
    rows.set(key, row);
  }
  findContradictions([...rows.values()], problems);
  if (problems.length > 0) {
    const more = problems.length - mostProblems;
    throw new MappingFileError([...problems.slice(0, mostProblems), ...(more > 0 ? [`and ${more} more`] : [])]);
  }
  return { rows: [...rows.values()], superseded };
}

function readLine({ line, cells }: TableLine<Column>, problems: string[]): MappingLine | null {
  const before = problems.length;
  const cell = (column: Column): string | null => {
    const text = cells[column];
    if (text === undefined) return null;
    if (text.length > longest) problems.push(`line ${line}, ${column}: longer than ${longest} characters`);
    // Postgres has no NUL, and the others are never meant.
    else if (/\p{Cc}/u.test(text)) problems.push(`line ${line}, ${column}: has a control character`);
    return text;
  };
  const label = cell("everflow_affiliate_label");
  if (label === null) problems.push(`line ${line}, everflow_affiliate_label: is empty`);
  const internal = (cell("is_internal") ?? "").toLowerCase();
  if (!yes.includes(internal) && !no.includes(internal))
    problems.push(`line ${line}, is_internal: must be true or false, not "${internal}"`);
  const row = {
    line,
    redtrackSourceId: cell("redtrack_source_id"),
    redtrackSourceName: cell("redtrack_source_name"),
    everflowAffiliateId: cell("everflow_affiliate_id"),
    everflowAffiliateLabel: label ?? "",
    isInternal: yes.includes(internal),
  };
  return problems.length > before ? null : row;
}

/** Which cost counts for an affiliate has one answer. */
function findContradictions(rows: readonly MappingLine[], problems: string[]): void {
  const labels = new Map<string, MappingLine>();
  const ids = new Map<string, MappingLine>();
  for (const row of rows) {
    const { line, everflowAffiliateLabel: label, everflowAffiliateId: id } = row;
    const earlier = labels.get(label) ?? row;
    labels.set(label, earlier);
    if (earlier.isInternal !== row.isInternal)
      problems.push(
        `line ${line}, is_internal: "${label}" is ${earlier.isInternal ? "internal" : "external"} in line ${earlier.line}`,
      );
    if (id === null) continue;
    const sameId = ids.get(id) ?? row;
    ids.set(id, sameId);
    if (sameId.everflowAffiliateLabel !== label)
      problems.push(
        `line ${line}, everflow_affiliate_label: affiliate ${id} is "${sameId.everflowAffiliateLabel}" in line ${sameId.line}`,
      );
  }
}
