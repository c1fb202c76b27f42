import { expect, test } from "@jest/globals";
import { judgeCtr } from "./ctr-collapse.ts";

const of = (impressions: number, clicks: number) => ({ impressions, clicks });

test.each([
  ["half of it, and more than chance", of(10_000, 500), of(10_000, 240), "collapsed"],
  ["nothing at all", of(10_000, 500), of(5_000, 0), "collapsed"],
  ["less, but more than half", of(10_000, 500), of(10_000, 300), "normal"],
  ["half, which chance explains", of(2_000, 8), of(1_000, 2), "normal"],
  ["never any click", of(10_000, 0), of(10_000, 0), "normal"],
  ["too little of the past", of(999, 100), of(10_000, 0), "unknown"],
  ["too little of late", of(10_000, 500), of(999, 0), "unknown"],
  ["more clicks than recipients before", of(2_000, 3_000), of(2_000, 0), "unknown"],
  ["more clicks than recipients of late", of(2_000, 100), of(2_000, 3_000), "unknown"],
])("%s", (_, past, recent, verdict) => {
  expect(judgeCtr({ past, recent })).toBe(verdict);
});
