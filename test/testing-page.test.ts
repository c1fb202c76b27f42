import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";

const root = path.dirname(import.meta.dirname);
const page = readFileSync(path.join(root, "docs/testing.md"), "utf8");
const rows = [...page.matchAll(/^\| ([^|]+) \| `([^`]+\.test\.ts)` +\| ([^|]+) \|$/gm)].map(
  ([, document = "", file = "", name = ""]) => ({ document: document.trim(), file, name: name.trim() }),
);

test("the page names a test for each of the document's 1 to 12", () => {
  const numbers = rows.flatMap(({ document }) =>
    [...document.matchAll(/\b(1[0-2]|[1-9])\b(?= |,)/g)].map(([, number]) => Number(number)),
  );
  expect([...new Set(numbers)].filter((number) => number <= 12)).toEqual(
    expect.arrayContaining([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
  );
});

test.each(rows)("$document: $file has it", ({ file, name }) => {
  expect(readFileSync(path.join(root, file), "utf8")).toContain(`test("${name}"`);
});
