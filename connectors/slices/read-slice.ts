import { z } from "zod";
import { sumMoney } from "../../core/money.ts";
import { ConnectorError } from "../errors.ts";
import type { Http } from "../http.ts";
import { SliceRows, type Row, type SpooledRows } from "./slice-rows.ts";
import { QuarantinedRow, type AnySource, type Slice } from "../source.ts";

/** A slice as the vendor gave it: every page, whole. It is to be discarded when it is no longer needed. */
export interface SliceAnswer {
  rows: Row[] | SpooledRows;
  quarantined: QuarantinedRow[];
  pages: number;
  /** The exact sum of the source's amount over the rows that can be stored, in the one currency it is summed in. */
  total: string;
  quarantinedTotal: string;
  vendorTotal: string | null;
  contentHash: string;
  discard: () => Promise<void>;
}

export interface ReadOptions {
  source: AnySource;
  slice: Slice;
  secrets: Record<string, string>;
  http: Http;
  onPage?: (page: number, rows: number) => void;
  /** How many rows are held in memory; more go to a file. */
  mostHeld?: number;
}

const readings = 3;
const mostPages = 10_000;

/** Reads one slice to its end. Part of a day is not a day: what is cut short is an error. */
export async function readSlice(options: ReadOptions): Promise<SliceAnswer> {
  for (let reading = 1; ; reading += 1) {
    const rows = new SliceRows(options.source, options.mostHeld);
    const answer = await readPages(options, rows, reading === readings).catch(async (error: unknown) => {
      await rows.discard();
      throw error;
    });
    if (answer !== "moved") return answer;
    await rows.discard();
    if (reading === readings)
      throw new ConnectorError("malformed", `the pages moved while they were read, ${readings} times in a row`);
  }
}

async function readPages(
  { source, slice, secrets, http, onPage }: ReadOptions,
  rows: SliceRows,
  isLast: boolean,
): Promise<SliceAnswer | "moved"> {
  const aside: QuarantinedRow[] = [];
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
    const asideBefore = aside.length;
    for (const row of found) {
      if (row instanceof QuarantinedRow) {
        aside.push(row);
        continue;
      }
      if (rows.add(row) && source.keyedBy === "aggregate") moved = true;
    }
    // Of the rows alone: a vendor that ignores the page asked for may still repeat its number.
    const page = `${await rows.endPage()} ${JSON.stringify(aside.slice(asideBefore))}`;
    if (found.length > 0 && seenPages.has(page))
      throw new ConnectorError("malformed", `page ${pages} repeats an earlier page`);
    seenPages.add(page);
    const cut = source.cut?.(body, rows.length, cursor) ?? null;
    if (cut !== null) throw new ConnectorError("malformed", `the answer is cut short: ${cut}`);
    vendorTotal = source.vendorTotal?.(body) ?? vendorTotal;
    const stated = source.vendorCount?.(body) ?? null;
    if (stated !== null) counts.push(stated);
    onPage?.(pages, rows.length);
    cursor = source.next?.(body, cursor) ?? null;
    if (pages === mostPages) throw new ConnectorError("malformed", `paging did not end after ${mostPages} pages`);
  } while (cursor !== null);
  // A day that never stops growing is whole when it has all that was there as its last reading began: the rest comes
  // with the next run.
  const expected = (isLast ? counts[0] : counts.at(-1)) ?? 0;
  if (moved || rows.length + aside.length < expected) return "moved";
  return {
    rows: rows.rows(),
    quarantined: aside,
    pages,
    total: rows.total(),
    quarantinedTotal: sumMoney(aside.map((row) => row.amount)),
    vendorTotal,
    contentHash: rows.contentHash(),
    discard: () => rows.discard(),
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
