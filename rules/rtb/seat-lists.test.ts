import { expect, test } from "@jest/globals";
import { judgeList } from "./seat-lists.ts";

test.each<[missing: number, seen: number, active: number | null, outcome: string, isTold: boolean]>([
  [0, 0, null, "synced", false],
  [1, 312, null, "synced", false],
  [156, 156, 0, "synced", false],
  [157, 156, null, "synced", true],
  [312, 1, null, "synced", true],
  [312, 1, 1, "synced", true],
  [312, 1, 313, "short", true],
  [312, 1, 158, "short", true],
  [312, 1, 157, "synced", true],
  [313, 0, null, "emptied", true],
  [313, 0, 313, "emptied", true],
  [313, 0, 1, "emptied", true],
  [313, 0, 0, "synced", true],
])("%i missing, %i listed, %p by the exchange's count: %s", (missing, seen, activeCreatives, outcome, isTold) => {
  const judged = judgeList({ missing, seen, activeCreatives });
  expect([judged.outcome, judged.told !== null]).toEqual([outcome, isTold]);
});
