import { expect, test } from "@jest/globals";
import { ActivityFailure, ApplicationFailure } from "@temporalio/common";
import { reasonOf } from "./run-workflow.ts";

test("the reason of a failure is what an activity failed of, however deep it lies", () => {
  const reason = ApplicationFailure.nonRetryable("plan 3 is applied", "InvalidInput");
  const failed = new ActivityFailure(
    "Activity task failed",
    "checkApproval",
    "1",
    "NON_RETRYABLE_FAILURE",
    "w",
    reason,
  );
  expect(reasonOf(failed)).toBe("plan 3 is applied");
  expect(reasonOf(reason)).toBe("plan 3 is applied");
  expect(reasonOf(undefined)).toBeNull();
});
