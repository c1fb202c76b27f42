import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { fold, lineWidth } from "./panel.ts";

test("items stand side by side, and go on below where a line is full", () => {
  expect(fold([])).toEqual([]);
  expect(fold(["redtrack real", "everflow sandbox"])).toEqual(["redtrack real, everflow sandbox"]);
  const long = "x".repeat(60);
  expect(fold([long, long, "end"])).toEqual([`${long},`, `${long}, end`]);
  // Together they are as wide as the panel, and a comma more.
  const half = "x".repeat(lineWidth / 2 - 1);
  expect(fold([half, half, "end"])).toEqual([`${half},`, `${half}, end`]);
});

test("no line is wider than the panel, but for an item that is; and none is lost", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 80 })), (items) => {
      const lines = fold(items);
      expect(lines.filter((line) => line.length > lineWidth && line.includes(", "))).toEqual([]);
      expect(lines.join(" ")).toBe(items.join(", "));
    }),
  );
});
