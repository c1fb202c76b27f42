import { expect, test } from "@jest/globals";
import { runAtOnce, runPolitely, type Steps } from "./steps.ts";

function* counting(to: number, workMs = 0): Steps<number> {
  let sum = 0;
  for (let number = 1; number <= to; number += 1) {
    sum += number;
    for (const began = performance.now(); performance.now() - began < workMs;);
    yield;
  }
  return sum;
}

test("at once or with others' turns in between, the result is the same", async () => {
  expect(runAtOnce(counting(10))).toBe(55);
  expect(await runPolitely(counting(10))).toBe(55);
});

test("others have their turn while it works", async () => {
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  await runPolitely(counting(20, 2), { atATimeMs: 4 });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
});

test("cancelled, it ends with the reason and is not finished", async () => {
  const controller = new AbortController();
  const steps = counting(1_000, 1);
  const running = runPolitely(steps, { atATimeMs: 2, signal: controller.signal });
  controller.abort(new Error("stop"));
  await expect(running).rejects.toThrow("stop");
  expect(steps.next().done).toBe(false);
});
