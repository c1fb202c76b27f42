import { expect, test } from "@jest/globals";
import { backfillWorkflowId, syncByHandWorkflowId } from "./workflow-ids.ts";

const source = "redtrack.daily_spend";

test("a feed, its days and whether anything is written make an id", () => {
  const days = { source, client: "713", from: "2025-12-01", to: "2025-12-18" };
  expect(syncByHandWorkflowId({ source, client: "713" })).toBe("sync/redtrack.daily_spend/713/by-hand");
  expect(backfillWorkflowId(days)).toBe("backfill/redtrack.daily_spend/713/2025-12-01..2025-12-18");
  expect(backfillWorkflowId({ ...days, dryRun: false })).toBe(backfillWorkflowId(days));
});

test("a dry run never joins a run that writes", () => {
  const days = { source, client: "713", from: "2025-12-01", to: "2025-12-18" };
  expect(backfillWorkflowId({ ...days, dryRun: true })).not.toBe(backfillWorkflowId(days));
});
