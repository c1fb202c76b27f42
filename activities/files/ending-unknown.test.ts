import { expect, test } from "@jest/globals";
import { ApplicationFailure } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { endingUnknown } from "./ending-unknown.ts";

async function failureAt(attempt: number, type: string, earlier?: object): Promise<ApplicationFailure> {
  const work = () => Promise.reject(ApplicationFailure.create({ type, message: "what it was" }));
  return new MockActivityEnvironment({ attempt, heartbeatDetails: earlier })
    .run(() => endingUnknown({ phase: "reading" }, work))
    .then(
      () => {
        throw new Error("expected a failure");
      },
      (error: unknown) => error as ApplicationFailure,
    ) as Promise<ApplicationFailure>;
}

test("an unknown error is tried again with growing pauses, and not for ever", async () => {
  const failures = await Promise.all([0, 2, 6, 7].map((unknown) => failureAt(9, "Unexpected", { unknown })));
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

test("attempts that ended because a server was away are not counted", async () => {
  expect(await failureAt(500, "Unexpected", { phase: "reading" })).toMatchObject({
    nonRetryable: false,
    nextRetryDelay: 2_000,
  });
  const details: unknown[] = [];
  const inside = new MockActivityEnvironment({ attempt: 9, heartbeatDetails: { unknown: 1 } });
  inside.on("heartbeat", (given) => details.push(structuredClone(given)));
  const work = () => Promise.reject(ApplicationFailure.create({ type: "Unexpected", message: "what it was" }));
  await expect(inside.run(() => endingUnknown({ lines: 5 }, work))).rejects.toThrow("what it was");
  expect(details).toEqual([{ lines: 5, unknown: 2 }]);
});
