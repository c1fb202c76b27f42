import { findClickTimes, findRepeats, type ClickTimes, type LooksBefore, type Repeats } from "./affiliates.ts";
import { findGaps, type Traffic, type Window } from "./gaps.ts";
import type { Found, Tested } from "./kinds.ts";
import { findParted, type Source } from "./parted.ts";

/** What a search looks at; a feed without a final day has no window, and nothing of it is judged. */
export interface Records {
  conversions: Window | null;
  spend: Window | null;
  performance: Window | null;
  paidTwice: readonly Found[];
  sources: readonly (Traffic & Source)[];
  campaigns: readonly Traffic[];
  clickTimes: readonly ClickTimes[];
  repeats: readonly Repeats[];
}

export interface Search {
  found: Found[];
  /** Of affiliates: what was held against others. */
  tests: Tested[];
  /** How much was tested in all. */
  tested: number;
}

/** All that does not add up, of every kind. */
export function findAll(records: Records, looksBefore: LooksBefore): Search {
  const { conversions, spend, performance } = records;
  const times =
    conversions === null ? { tests: [], found: [] } : findClickTimes(records.clickTimes, conversions, looksBefore);
  const repeats =
    conversions === null ? { tests: [], found: [] } : findRepeats(records.repeats, conversions, looksBefore);
  const parted = spend === null ? { tested: 0, found: [] } : findParted(records.sources, spend);
  const gaps = [
    ...(spend === null ? [] : findGaps(records.sources, spend)),
    ...(performance === null ? [] : findGaps(records.campaigns, performance)),
  ];
  const tests = [...times.tests, ...repeats.tests];
  return {
    found: [...records.paidTwice, ...gaps, ...times.found, ...repeats.found, ...parted.found],
    tests,
    tested: tests.length + parted.tested + records.sources.length + records.campaigns.length,
  };
}
