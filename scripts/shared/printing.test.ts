import { expect, test } from "@jest/globals";
import { instant, table } from "./printing.ts";

test("a moment is printed in the zone of the vendors' days, and the zone is said", () => {
  expect(instant(new Date("2025-12-18T12:00:05Z"))).toBe("2025-12-18 07:00:05 EST");
  expect(instant(new Date("2026-07-01T03:59:00Z"))).toBe("2026-06-30 23:59:00 EDT");
  // The hour that comes twice a year.
  expect(instant(new Date("2026-11-01T05:30:00Z"))).toBe("2026-11-01 01:30:00 EDT");
  expect(instant(new Date("2026-11-01T06:30:00Z"))).toBe("2026-11-01 01:30:00 EST");
  expect(instant(null)).toBe("never");
});

test("characters that turn the writing direction are named, and columns line up by that", () => {
  expect(table(["name", "of"], [["invoice\u202efdp.exe", "a"]])).toEqual([
    "name                    of",
    "----------------------  --",
    "invoice[U+202E]fdp.exe  a",
  ]);
});

test("columns line up as they look: wide letters, combined ones and emoji count what they take", () => {
  const names = ["Müller", "Mu\u0308ller", "東京メディア", "👩‍👩‍👧 Family"];
  const lines = table(
    ["affiliate", "cost"],
    names.map((name, index) => [name, `${index}.00`]),
  );
  expect(lines).toEqual([
    "affiliate     cost",
    "------------  ----",
    "Müller        0.00",
    "Mu\u0308ller        1.00",
    "東京メディア  2.00",
    "👩‍👩‍👧 Family     3.00",
  ]);
});
