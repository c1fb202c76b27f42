import { expect, test } from "@jest/globals";
import { ApplicationFailure } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { endingUnknown } from "./ending-unknown.ts";

async function failureAt(attempt: number, type: string): Promise<ApplicationFailure> {
  const work = () => Promise.reject(ApplicationFailure.create({ type, message: "what it was" }));
  return new MockActivityEnvironment({ attempt })
    .run(() => endingUnknown(work))
    .then(
      () => {
        throw new Error("expected a failure");
      },
      (error: unknown) => error as ApplicationFailure,
    ) as Promise<ApplicationFailure>;
}

test("an unknown error is tried again with growing pauses, and not for ever", async () => {
  const failures = await Promise.all([1, 3, 7, 8].map((attempt) => failureAt(attempt, "Unexpected")));
  expect(failures.map(({ nonRetryable, nextRetryDelay }) => [nonRetryable, nextRetryDelay])).toEqual([
    [false, 2_000],
    [false, 8_000],
    [false, 60_000],
    [true, 60_000],
  ]);
  expect(new Set(failures.map(({ message }) => message))).toEqual(new Set(["what it was"]));
});

test("a server that is away is waited for, however often it was tried", async () => {
  expect(await failureAt(500, "DatabaseUnavailable")).toMatchObject({
    nonRetryable: false,
    type: "DatabaseUnavailable",
  });
});
