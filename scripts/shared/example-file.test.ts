import { readFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { exampleFile, untilYesterday, withRecentDays } from "./example-file.ts";

const today = "2026-02-10";
const daysOf = (text: string) => [...new Set(text.match(/\d{4}-\d\d-\d\d/g))].sort();

test("the example's days end yesterday, as many and with the same rows as before", async () => {
  const before = await readFile(exampleFile, "utf8");
  const after = untilYesterday(before, today);
  expect(daysOf(after)).toEqual(
    daysOf(before).map((_, index) => addDays("2026-02-09", index - daysOf(before).length + 1)),
  );
  const others = (text: string) => text.replaceAll(/\d{4}-\d\d-\d\d/g, "DAY");
  expect(others(after)).toBe(others(before));
});

test("a file of nothing but a heading stays as it is, and so does one whose last day is yesterday or later", () => {
  expect(untilYesterday("creative_id,date,spend\n", today)).toBe("creative_id,date,spend\n");
  expect(untilYesterday("1,2026-02-09,2\n", today)).toBe("1,2026-02-09,2\n");
  expect(untilYesterday("1,2026-02-10,2\n", today)).toBe("1,2026-02-10,2\n");
});

test("the example is read from a copy under its name, any other file from where it lies", async () => {
  const read = await withRecentDays(exampleFile, today, async (file) => [file, await readFile(file, "utf8")]);
  expect(read[0]).toMatch(/\/performance\.csv$/);
  expect(daysOf(read[1] ?? "").at(-1)).toBe("2026-02-09");
  await expect(readFile(read[0] ?? "")).rejects.toThrow("ENOENT");
  expect(await withRecentDays("other.csv", today, (file) => Promise.resolve(file))).toBe("other.csv");
});
