import { expect, test } from "@jest/globals";
import { createChance } from "./chance.ts";
import { chooseDrills } from "./choose.ts";
import { finding, type Drill } from "./drill.ts";
import { drills } from "./registry.ts";
import { drawTable, summarize } from "./table.ts";

const drill = (name: string, rows: number[], isShort = false): Drill => ({
  name,
  rows,
  isShort,
  done: "something is broken",
  expected: "nothing is lost",
  run: () => Promise.resolve(finding(true, "0 lost")),
});
const all = [drill("kills", [1, 4]), drill("clock", [18], true), drill("zones", [17], true)];
const names = (chosen: Drill[]) => chosen.map(({ name }) => name);

test("drills are chosen by a row's number or by name, and without either all of them", () => {
  expect(names(chooseDrills(all, ["4", "zones"], false))).toEqual(["kills", "zones"]);
  expect(names(chooseDrills(all, [], false))).toEqual(["kills", "clock", "zones"]);
  expect(names(chooseDrills(all, [], true))).toEqual(["clock", "zones"]);
});

test("a drill that does not exist is refused by its name, not left out", () => {
  expect(() => chooseDrills(all, ["18", "99", "kils"], false)).toThrow("no drill is called 99, kils");
});

test("what was not run is never counted as held", () => {
  const [one = drill("one", [1])] = all;
  const results = [
    { drill: one, state: "held" as const, seen: "0 lost", seconds: 1 },
    { drill: one, state: "not run" as const, seen: "no small disk could be mounted", seconds: 0 },
    { drill: one, state: "broken" as const, seen: "3 lost", seconds: 2 },
  ];
  expect(summarize(results)).toBe("1 held, 1 did not hold, 1 not run");
  expect(drawTable(results)).toContain("no small disk could be mounted");
});

test("chance repeats itself after the same seed, and no seed stops it", () => {
  const draw = (seed: number) => Array.from({ length: 5 }, createChance(seed));
  expect(draw(42)).toEqual(draw(42));
  expect(draw(42)).not.toEqual(draw(43));
  for (const seed of [0, 2_147_483_647]) expect(new Set(draw(seed)).size).toBe(5);
});

test("every drill has a name of its own and a row of the list", () => {
  expect(new Set(names([...drills])).size).toBe(drills.length);
  for (const { rows } of drills) expect(rows.every((row) => row >= 1 && row <= 32)).toBe(true);
});

test("each of the 32 kinds of fault that the software has to survive has a drill, and no drill another's number", () => {
  const rows = new Set(drills.flatMap((one) => one.rows));
  expect([...rows].sort((one, other) => one - other)).toEqual(Array.from({ length: 32 }, (_, index) => index + 1));
});
