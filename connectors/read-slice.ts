import { createHash } from "node:crypto";
import { z } from "zod";
import { sumMoney } from "../core/money.ts";
import { bookkeeping, mergeColumns, rowKey, type MergeColumn } from "../schema/merge-key.ts";
import { ConnectorError } from "./errors.ts";
import type { Http } from "./http.ts";
import { SetAside, type AnySource, type Slice } from "./source.ts";

export type Row = Record<string, unknown>;

/** A slice as the vendor gave it: every page, whole. */
export interface SliceAnswer {
  rows: Row[];
  setAside: SetAside[];
  pages: number;
  /** The exact sum of the source's amount over the rows that can be stored, in the one currency it is summed in. */
  total: string;
  setAsideTotal: string;
  vendorTotal: string | null;
}

export interface ReadOptions {
  source: AnySource;
  slice: Slice;
  secrets: Record<string, string>;
  http: Http;
  onPage?: (page: number, rows: number) => void;
}

const readings = 3;
const mostPages = 10_000;

/** Reads one slice to its end. Part of a day is not a day: what is cut short is an error. */
export async function readSlice(options: ReadOptions): Promise<SliceAnswer> {
  for (let reading = 1; ; reading += 1) {
    const answer = await readPages(options, reading === readings);
    if (answer !== "moved") return answer;
    if (reading === readings)
      throw new ConnectorError("malformed", `the pages moved while they were read, ${readings} times in a row`);
  }
}

async function readPages(
  { source, slice, secrets, http, onPage }: ReadOptions,
  isLast: boolean,
): Promise<SliceAnswer | "moved"> {
  const key = rowKey(source.table);
  const rows = new Map<string, Row>();
  const aside: SetAside[] = [];
  const seenPages = new Set<string>();
  let vendorTotal: string | null = null;
  const counts: number[] = [];
  let cursor: unknown = null;
  let moved = false;
  let pages = 0;
  do {
    const json = await http.json(source.request({ slice, secrets, cursor }));
    const body: unknown = parseBody(source, json);
    pages += 1;
    const found = source.rows(body, slice);
    // Of the rows alone: a vendor that ignores the page asked for may still repeat its number.
    const pageHash = createHash("sha256").update(JSON.stringify(found)).digest("hex");
    const onThisPage = new Set<string>();
    for (const row of found) {
      if (row instanceof SetAside) {
        aside.push(row);
        continue;
      }
      const name = keyOf(row, key);
      if (onThisPage.has(name)) throw new ConnectorError("duplicate_key", `page ${pages} has ${name} twice`);
      onThisPage.add(name);
      if (rows.has(name) && source.keyedBy === "aggregate") moved = true;
      rows.set(name, row);
    }
    if (found.length > 0 && seenPages.has(pageHash))
      throw new ConnectorError("malformed", `page ${pages} repeats an earlier page`);
    seenPages.add(pageHash);
    const cut = source.cut?.(body, rows.size, cursor) ?? null;
    if (cut !== null) throw new ConnectorError("malformed", `the answer is cut short: ${cut}`);
    vendorTotal = source.vendorTotal?.(body) ?? vendorTotal;
    const told = source.vendorCount?.(body) ?? null;
    if (told !== null) counts.push(told);
    onPage?.(pages, rows.size);
    cursor = source.next?.(body, cursor) ?? null;
    if (pages === mostPages) throw new ConnectorError("malformed", `paging did not end after ${mostPages} pages`);
  } while (cursor !== null);
  // A day that never stops growing is whole when it has all that was there as its last reading began: the rest comes
  // with the next run.
  const expected = (isLast ? counts[0] : counts.at(-1)) ?? 0;
  if (moved || rows.size + aside.length < expected) return "moved";
  const { currency } = source;
  const summed = [...rows.values()].filter((row) => currency === undefined || row[currency.column] === currency.summed);
  const amounts = summed.map((row) => String(row[source.amount]));
  return {
    rows: [...rows.values()],
    setAside: aside,
    pages,
    total: sumMoney(amounts),
    setAsideTotal: sumMoney(aside.map((row) => row.amount)),
    vendorTotal,
  };
}

function parseBody(source: AnySource, json: unknown): unknown {
  const parsed = (source.body as z.ZodType).safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = deepest(parsed.error.issues[0]);
  throw new ConnectorError(
    "malformed",
    `${z.core.toDotPath(issue?.path ?? []) || "answer"} ${issue?.message ?? "has another shape"}`,
  );
}

/** Of a union, the branch that fits best says most about what is wrong. */
function deepest(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
  if (issue?.code !== "invalid_union") return issue;
  const [best] = issue.errors
    .map((branch) => deepest(branch[0]))
    .sort((one, other) => (other?.path.length ?? 0) - (one?.path.length ?? 0));
  return best === undefined ? issue : { ...best, path: [...issue.path, ...best.path] };
}

function keyOf(row: Row, key: MergeColumn[]): string {
  return key.map(({ property, name }) => `${name} ${JSON.stringify(row[property] ?? null)}`).join(", ");
}

/** The same content gives the same hash, in whatever order the vendor sent it. */
export function contentHash(source: AnySource, answer: SliceAnswer): string {
  const key = rowKey(source.table).map(({ property }) => property);
  const rest = mergeColumns(source.table)
    .filter(({ name }) => !(bookkeeping as readonly string[]).includes(name))
    .map(({ property }) => property)
    .filter((property) => !key.includes(property));
  // The key first, so that two rows are told apart early when they are sorted.
  const properties = [...key, ...rest.sort()];
  const lines = answer.rows.map((row) => JSON.stringify(properties.map((name) => row[name] ?? null))).sort();
  const hash = createHash("sha256");
  // Line by line: a large slice is longer than one text should be.
  for (const [index, line] of lines.entries()) hash.update(index === 0 ? line : `\n${line}`);
  return hash.digest("hex");
}
