import { z } from "zod";
import { sumMoney } from "../../core/money.ts";
import { ConnectorError } from "../errors.ts";
import type { Http } from "../http.ts";
import { SliceRows, type Row, type SpooledRows } from "./slice-rows.ts";
import { QuarantinedRow, type AnySource, type Instead, type Slice } from "../source.ts";

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
  /** What was asked in place of the first question, which the vendor refused. */
  instead: Instead | null;
  discard: () => Promise<void>;
}

/** Answers to the parts of a slice that is asked for in parts, kept until it is stored. */
export interface KeptParts {
  find: (part: string) => Promise<unknown>;
  keep: (part: string, answer: unknown) => Promise<void>;
  drop: () => Promise<void>;
}

export interface ReadOptions {
  source: AnySource;
  slice: Slice;
  secrets: Record<string, string>;
  http: Http;
  onPage?: (page: number, rows: number) => void;
  /** How many rows are held in memory; more go to a file. */
  mostHeld?: number;
  /** How many parts of a slice are asked for at once. */
  atOnce?: number;
  kept?: KeptParts | undefined;
  /** The first question is known to be refused: this one is asked. */
  instead?: Instead | null;
}

const readings = 3;
const mostPages = 10_000;

/** Reads one slice to its end. Part of a day is not a day: what is cut short is an error. */
export async function readSlice(options: ReadOptions): Promise<SliceAnswer> {
  for (let reading = 1; ; reading += 1) {
    const pages = new Reading(options, reading === readings);
    const answer = await pages.read().catch(async (error: unknown) => {
      await pages.rows.discard();
      throw error;
    });
    if (answer !== "moved") return answer;
    await pages.rows.discard();
    // Parts that do not fit together are no use to anybody.
    await options.kept?.drop();
    if (reading === readings)
      throw new ConnectorError("malformed", `the pages moved while they were read, ${readings} times in a row`);
  }
}

interface Question {
  cursor: unknown;
  isPart: boolean;
}

/** One fetch of a slice. */
class Reading {
  readonly rows: SliceRows;
  readonly #aside: QuarantinedRow[] = [];
  readonly #seenPages = new Set<string>();
  readonly #counts: number[] = [];
  #vendorTotal: string | null = null;
  #moved = false;
  #pages = 0;
  #instead: Instead | null;

  constructor(
    private readonly options: ReadOptions,
    private readonly isLast: boolean,
  ) {
    this.rows = new SliceRows(options.source, options.mostHeld);
    this.#instead = options.instead ?? null;
  }

  async read(): Promise<SliceAnswer | "moved"> {
    const { atOnce = 1 } = this.options;
    const first = { cursor: this.#instead?.cursor ?? null, isPart: false };
    const waiting = await this.#take(await this.#askFirst(first));
    while (waiting.length > 0) {
      const answers = await Promise.allSettled(waiting.splice(0, atOnce).map((question) => this.#ask(question)));
      const failed = answers.find((answer) => answer.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      for (const answer of answers)
        if (answer.status === "fulfilled") waiting.push(...(await this.#take(answer.value)));
    }
    // A day that never stops growing is whole when it has all that was there as its last fetch began: the rest comes
    // with the next run.
    const expected = (this.isLast ? this.#counts[0] : this.#counts.at(-1)) ?? 0;
    if (this.#moved || this.rows.length + this.#aside.length < expected) return "moved";
    return {
      rows: this.rows.rows(),
      quarantined: this.#aside,
      pages: this.#pages,
      total: this.rows.total(),
      quarantinedTotal: sumMoney(this.#aside.map((row) => row.amount)),
      vendorTotal: this.#vendorTotal,
      contentHash: this.rows.contentHash(),
      instead: this.#instead,
      discard: () => this.rows.discard(),
    };
  }

  async #ask(question: Question): Promise<{ question: Question; json: unknown }> {
    const { source, slice, secrets, http, kept } = this.options;
    const { cursor, isPart } = question;
    const part = isPart && kept !== undefined ? JSON.stringify(cursor) : null;
    const known = part === null ? undefined : await kept?.find(part);
    if (known !== undefined) return { question, json: known };
    const json = await http.json(source.request({ slice, secrets, cursor }));
    if (part !== null) await kept?.keep(part, json);
    return { question, json };
  }

  async #askFirst(question: Question): Promise<{ question: Question; json: unknown }> {
    return this.#ask(question).catch(async (error: unknown) => {
      const instead =
        this.#instead === null && error instanceof ConnectorError
          ? (this.options.source.instead?.(error) ?? null)
          : null;
      if (instead === null) throw error;
      // A no to this one as well had another reason than what was left out.
      const answer = await this.#ask({ cursor: instead.cursor, isPart: false }).catch((again: unknown) => {
        throw again instanceof ConnectorError && again.kind === "rejected" ? error : again;
      });
      this.#instead = instead;
      return answer;
    });
  }

  /** Takes the rows of an answer; gives what is to be asked because of it. */
  async #take({ question, json }: { question: Question; json: unknown }): Promise<Question[]> {
    const { source, slice, onPage } = this.options;
    const { cursor, isPart } = question;
    const body: unknown = parseBody(source, json);
    this.#pages += 1;
    const found = source.rows(body, slice);
    const asideBefore = this.#aside.length;
    for (const row of found) {
      if (row instanceof QuarantinedRow) this.#aside.push(row);
      else if (this.rows.add(row) && source.keyedBy === "aggregate") this.#moved = true;
    }
    // Of the rows alone: a vendor that ignores the page asked for may still repeat its number.
    const page = `${await this.rows.endPage()} ${JSON.stringify(this.#aside.slice(asideBefore))}`;
    if (found.length > 0 && this.#seenPages.has(page))
      throw new ConnectorError("malformed", `page ${this.#pages} repeats an earlier page`);
    this.#seenPages.add(page);
    const cut = source.cut?.(body, this.rows.length, cursor) ?? null;
    if (cut !== null) throw new ConnectorError("malformed", `the answer is cut short: ${cut}`);
    this.#vendorTotal = source.vendorTotal?.(body) ?? this.#vendorTotal;
    const stated = source.vendorCount?.(body) ?? null;
    if (stated !== null) this.#counts.push(stated);
    onPage?.(this.#pages, this.rows.length);
    if (this.#pages === mostPages) throw new ConnectorError("malformed", `paging did not end after ${mostPages} pages`);
    const next: unknown = source.next?.(body, cursor) ?? null;
    const parts: unknown[] = source.parts?.(body, cursor) ?? [];
    return [
      ...(next === null ? [] : [{ cursor: next, isPart }]),
      ...parts.map((part) => ({ cursor: part, isPart: true })),
    ];
  }
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
