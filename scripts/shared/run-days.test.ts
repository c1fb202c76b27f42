import { expect, test } from "@jest/globals";
import type { RunDay } from "../../queries/sync/status.ts";
import { runDayDocument, runDayTable } from "./run-days.ts";

const day: RunDay = {
  ...{ day: "2026-11-01", outcome: "changed", final: true, inserted: 2, updated: 0, unchanged: 0, withdrawn: 0 },
  ...{ rejected: 1, total: "5.000000", stands: "5.000000", failure: null },
};

test("a run's days say how many rows were rejected, what was read, and what is stored", () => {
  const emptied = { ...day, day: "2026-11-02", outcome: "emptied", final: false, rejected: 0, total: "0.000000" };
  const failed = { ...day, day: "2026-11-03", outcome: "failed", final: false, rejected: 0, failure: "Gone: away" };
  const columns = (line: string | undefined) => line?.trim().split(/ {2,}/);
  const [head, , ...lines] = runDayTable([day, emptied, failed]);
  expect(columns(head)?.slice(-3)).toEqual(["rejected", "sum read", "sum stored"]);
  expect(columns(lines[0])).toEqual([
    "2026-11-01",
    "changed, final, 1 row rejected",
    "2",
    "0",
    "0",
    "0",
    "1",
    "5.00",
    "5.00",
  ]);
  expect(columns(lines[1])).toEqual(["2026-11-02", "emptied, provisional", "2", "0", "0", "0", "0", "0.00", "5.00"]);
  expect(columns(lines[2])).toEqual(["2026-11-03", "failed", "2", "0", "0", "0", "0", "5.00"]);
  expect(runDayDocument([emptied])).toMatchObject([{ total: "0.00", stands: "5.00", rejected: 0 }]);
});
