import type { PgInsertValue, PgTable } from "drizzle-orm/pg-core";
import type { z } from "zod";
import type { Pace, Schedule, Window } from "../settings/config.ts";
import type { ConnectorError, ConnectorErrorKind } from "./errors.ts";

/** The headers of an answer: undici's are not the platform's, and only this of them is needed. */
export type AnswerHeaders = Pick<Headers, "get">;

/** One civil day of one source, in the zone the vendor is asked in. */
export interface Slice {
  day: string;
  timezone: string;
}

/** A vendor's account terms: what all sources of one vendor share. */
export interface Vendor<Secrets extends z.ZodObject = z.ZodObject> {
  name: string;
  /** As people write it. */
  title?: string;
  baseUrl: string;
  /** Other addresses of the same vendor, by name: where tokens come from, say. A mock server answers for all of them at one. */
  addresses?: Readonly<Record<string, string>>;
  /** There only for clients that have a key: a client without one lacks nothing, and the sandbox does not replace it. */
  optional?: boolean;
  /** Optional, and yet the sandbox takes its place where nobody has a key. */
  isPlayed?: boolean;
  /** Conversions are sent to it. */
  isDestination?: boolean;
  /** Of one account, "redtrack/713"; a setting, and the vendor's own hints win. */
  pace: Pace;
  /** Named as the settings are. */
  secrets: Secrets;
  /** What else can be set for an account, and is no secret. */
  settings?: z.ZodObject;
  /** What the headers of any answer say about the quota left. */
  quota?: (headers: AnswerHeaders) => Quota | null;
  /** A refusal under a status of success. */
  refusal?: (body: unknown) => Refusal | null;
  /** What an answer that is no 2xx means, for a vendor whose status alone is not enough; its body is null when it is no JSON. */
  classify?: (status: number, body: unknown) => Refusal;
  /** The longest wait after a 429 that does not say when to come back; waits grow up to it. */
  unhintedWaitMs?: number;
  /** The cheapest call that shows whether the key works. */
  probe(secrets: z.output<Secrets>, settings: Record<string, string>): PageRequest | Promise<PageRequest>;
  /**
   * What the probe's answer must say for all other answers to mean what we take them for, or what is wrong with it:
   * looked at before the first pull of an account in each worker.
   */
  check?: (answer: unknown) => string | null;
}

export interface Quota {
  /** No call by anyone before this has passed. */
  waitMs: number;
  /** How much of the quota is used, 0 to 100, and when it is reset, where the vendor says so. */
  used?: { percent: number; resetsInMs: number | null };
}

export interface Refusal {
  kind: ConnectorErrorKind;
  message: string;
  /** Where the answer itself gives no hint. */
  retryAfterMs?: number;
  /** The vendor's own name for it, where one decides what to do next. */
  code?: string;
}

export interface PageRequest {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** One of the vendor's other addresses; its base URL where left out. */
  at?: string;
  /** Below that address. */
  path: string;
  query?: Record<string, string | number | boolean>;
  headers?: Record<string, string>;
  body?: unknown;
  /** Sent as a form, in place of a JSON body. */
  form?: Record<string, string>;
}

/** A row that cannot be attributed: kept in quarantine with its reason, its amount counted. */
export class QuarantinedRow {
  constructor(
    readonly reason: string,
    readonly amount: string,
    readonly content: unknown,
  ) {}
}

export const quarantine = (reason: string, amount: string, content: unknown) =>
  new QuarantinedRow(reason, amount, content);

type Bookkeeping = "clientId" | "slice" | "loadedAt" | "runId";

/** What `rows` returns: the table's insert type, so that a required column left out fails the compiler. */
export type SourceRow<Table extends PgTable> = Omit<PgInsertValue<Table>, Bookkeeping>;

/** What to ask where the vendor refuses the first question, and what people have to know about the answer. */
export interface Instead<Cursor = unknown> {
  cursor: Cursor;
  caveat: string;
}

/** A vendor feed: data and pure functions. Nothing here waits, retries, logs or reads the environment. */
export interface Source<
  Table extends PgTable = PgTable,
  Body extends z.ZodType = z.ZodType,
  Secrets extends z.ZodObject = z.ZodObject,
  Cursor = unknown,
> {
  /** `vendor.table`, as in Postgres. */
  name: string;
  vendor: Vendor<Secrets>;
  slices: { timezone: string };
  window: Window;
  /** Choose hours that daylight saving neither skips nor repeats, which 7 to 23 never are. */
  schedule: Schedule;
  table: Table;
  /** The money column, by its name in TypeScript: what receipts sum and totals compare. */
  amount: keyof SourceRow<Table> & string;
  /**
   * For a feed in several currencies: the column that names a row's currency, and the one currency that receipts sum.
   * No sum mixes currencies; what the others come to is in the table, and every changed row is in the ledger.
   */
  currency?: { column: keyof SourceRow<Table> & string; summed: string };
  /** Another feed of the vendor that counts the same things: where the two disagree there is an alert. */
  agreesWith?: string;
  /** "complete": a row missing from a later answer was withdrawn. "partial": it was merely not mentioned. */
  answers: "complete" | "partial";
  /** One key on two pages: an aggregated feed moved while we read and is read again; of a feed by id the later page wins. */
  keyedBy: "aggregate" | "id";
  body: Body;
  request: (page: { slice: Slice; secrets: z.output<Secrets>; cursor: Cursor | null }) => PageRequest;
  rows: (body: z.output<Body>, slice: Slice) => (SourceRow<Table> | QuarantinedRow)[];
  /** The cursor of the next page; null after the last. */
  next?: (body: z.output<Body>, cursor: Cursor | null) => Cursor | null;
  /**
   * Smaller questions in place of an answer that is cut, whose own rows are then left out by `rows`. They have no order:
   * several are under way at once, and a part that was answered is not asked again when another fails.
   */
  parts?: (body: z.output<Body>, cursor: Cursor | null) => Cursor[];
  /** Where the vendor refuses the first question: the one to ask instead, or null. */
  instead?: (refusal: ConnectorError) => Instead<Cursor> | null;
  /** The vendor's own total of `amount` for the slice, decimal text. */
  vendorTotal?: (body: z.output<Body>) => string | null;
  /** How many rows the slice has, as the vendor says beside each page; fewer means that rows slipped between pages. */
  vendorCount?: (body: z.output<Body>) => number | null;
  /** Why an answer is only part of the slice, when it is and nothing smaller can be asked. */
  cut?: (body: z.output<Body>, rowsSoFar: number, cursor: Cursor | null) => string | null;
}

/** Any source, for code that treats them alike. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of sources with different tables has no narrower type
export type AnySource = Source<any, any, any, any>;

/**
 * What is known of any feed that is pulled by civil days, whatever its answers look like. Whose days are by a clock that is
 * set says so, and one that only those have who pay for it is scheduled for them alone.
 */
export interface DailyFeed extends Pick<AnySource, "name" | "vendor" | "window" | "schedule"> {
  slices: { timezone: string; isSet?: boolean };
  isOptional?: boolean;
}

export function defineSource<
  Table extends PgTable,
  Body extends z.ZodType,
  Secrets extends z.ZodObject,
  Cursor = number,
>(source: Source<Table, Body, Secrets, Cursor>): Source<Table, Body, Secrets, Cursor> {
  return source;
}
