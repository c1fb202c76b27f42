import { expect, test } from "@jest/globals";
import { together } from "./workers.ts";

const nothing = () => Promise.resolve();

test("activities of one queue may not share a name: one would take the other's place", () => {
  expect(Object.keys(together({ pull: nothing }, { merge: nothing }))).toEqual(["pull", "merge"]);
  expect(() => together({ pull: nothing, close: nothing }, { close: nothing })).toThrow(
    "two activities are named close",
  );
});
