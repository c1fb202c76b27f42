import { subtractMoney, sumMoney } from "../../core/money.ts";
import type { Origin } from "../../core/origin.ts";

/** What a merge needs besides the staged lines. */
export interface MergeTarget {
  client: string;
  /** The file's number, carried by every row that is written. The greater one came later: `takeTurn` gives it. */
  fileId: number;
  /** The last civil day in the client's zone: periods of the roll-ups end with it. */
  today: string;
  /**
   * What becomes of several lines of one key: the last one wins, or they are added; `add` adds them also to what is stored,
   * whoever has stored it.
   */
  combine: "later" | "sum" | "add";
  /** Of lines that are added to what is stored: the events that they are of. One that was added before adds nothing. */
  events?: AddedEvents;
  /** Unknown creatives are created as stubs; otherwise such a line fails the merge. */
  createStubs: boolean;
  /** The lines were quarantined when the rest of their file was merged: they join it, in its place and in their lines' order. */
  redriven?: boolean;
  /** Which of its keys the file has; without it nobody looks for days that other files split otherwise. */
  grain?: string;
  /** The lines are all that there is of this day, by the feed that it is of: rows that are not among them leave the table. */
  wholeDay?: WholeDay;
  /** What the lines of each day carry, where whoever staged them has added it up. */
  days?: readonly DaySum[] | null;
  /** Lines that may have the key of an earlier one, where the reader knows that no other has; else any may. */
  doubtful?: readonly number[] | null;
}

/** One day of one feed, which owns it whole. Files of the feed's earlier fetches are known by their path. */
export interface WholeDay {
  day: string;
  path: string;
}

/** Each line has the event at its own place in the lists. */
export interface AddedEvents {
  stream: string;
  lines: readonly number[];
  hashes: readonly Buffer[];
}

/** Exact decimal texts. */
export interface Carried {
  impressions: string;
  clicks: string;
  spend: string;
}

export interface MergedFile {
  inserted: number;
  updated: number;
  unchanged: number;
  /** Rows of earlier files that it took away: they split its days by other columns, or are no longer in a day that it has whole. */
  removed: number;
  /** Lines that were added to another of the same key. */
  combined: number;
  /** Lines that a later one of the same key overwrites, and what they carried. */
  superseded: Carried & { lines: number };
  /** What inserted, updated and unchanged rows carry. */
  stored: Carried;
  /** What to look at, in words. */
  warning: string | null;
  /** Days on which something changed. */
  days: number;
  from: string | null;
  to: string | null;
  origin: Origin;
}

export const nothingMerged: MergedFile = {
  inserted: 0,
  updated: 0,
  unchanged: 0,
  removed: 0,
  combined: 0,
  superseded: { lines: 0, impressions: "0", clicks: "0", spend: "0" },
  stored: { impressions: "0", clicks: "0", spend: "0" },
  warning: null,
  days: 0,
  from: null,
  to: null,
  origin: "real",
};

export type DaySum = Carried & { date: string; rows: number };

export interface StagedLines {
  /** The temporary table they lie in. */
  table: string;
  days: DaySum[];
  dates: string[];
  rows: number;
  from: string;
  to: string;
}

/** What a file did to the rows of a day. */
export interface DayChange {
  date: string;
  inserted: number;
  updated: number;
  /** Rows that an earlier file wrote with the same amounts and that carry this file's number now. */
  confirmed: number;
  before: Carried;
  after: Carried;
}

/** What was written; by how much more each creative carries since, by country, lies in the temporary table `parts`. */
export interface Written {
  days: DayChange[];
  /** Lines that a later one overwrites, of this file or of a newer one. */
  superseded: MergedFile["superseded"];
  /** Lines that were added to what their file had stored. */
  combined: number;
}

const key = ["creative_id", "date", "hour", "geography", "device_type", "placement"] as const;
export const keyColumns = key.join(", ");
export const keyOf = (alias: string) => key.map((column) => `${alias}.${column}`).join(", ");
export const sameKey = (one: string, other: string) =>
  key.map((column) => `${one}.${column} = ${other}.${column}`).join(" and ");

/** Staged lines as the table keeps them: a creative has our number, and a missing value its placeholder. */
export const linesOf = (table: string) =>
  `(select s.ctid as at, line, n.id as creative_id, date, coalesce(hour, -1::smallint) as hour, coalesce(geography, '') as geography, coalesce(device_type, '') as device_type,
           coalesce(placement, '') as placement, impressions, clicks, spend from pg_temp.${table} s join pg_temp.named n on n.number = s.creative) lines`;

export function carriedBy(parts: readonly Carried[]): Carried {
  return {
    impressions: sumMoney(parts.map(({ impressions }) => impressions)),
    clicks: sumMoney(parts.map(({ clicks }) => clicks)),
    spend: sumMoney(parts.map(({ spend }) => spend)),
  };
}

export function without(all: Carried, part: Carried): Carried {
  return {
    impressions: subtractMoney(all.impressions, part.impressions),
    clicks: subtractMoney(all.clicks, part.clicks),
    spend: subtractMoney(all.spend, part.spend),
  };
}
