import { expect, test } from "@jest/globals";
import type { FileFormat } from "./header-meanings.ts";
import { describeMismatch, matchHeader, recogniseFormat } from "./recognise.ts";

const nothing = { constants: {}, currencyColumns: [], sameDayColumns: [], ignore: [], sumOver: [] };
const columns = { creative_id: ["Ad"], date: ["Day"], impressions: ["Views"], clicks: ["Clicks"], spend: ["Cost"] };
const plain: FileFormat = { ...nothing, name: "plain", columns };
const wide: FileFormat = {
  ...nothing,
  name: "wide",
  columns: { ...columns, spend: ["Spent"] },
  ignore: ["Note*"],
  reports: [{ title: "notes", columns: ["Note 1"] }],
};

const matches = (names: string[]) => [plain, wide].map((format) => matchHeader(names, format));
const found = (...names: string[]) => recogniseFormat(matches(names))?.format.name ?? null;
const said = (names: string[], format: FileFormat) => describeMismatch(matchHeader(names, format));

test("a header is of the format that it is whole in, whatever the order and case of its columns", () => {
  expect(found("Ad", "Day", "Views", "Clicks", "Cost")).toBe("plain");
  expect(found("SPENT", "note 7", "#day", "ad", "v_iews", "Clicks")).toBe("wide");
});

test("of formats that it is not whole in, a header is of the nearest, if most of its columns are known there", () => {
  expect(found("Ad", "Day", "Views", "Cost")).toBe("plain");
  expect(found("Ad", "Day", "Views", "Spent", "Note 1")).toBe("wide");
  expect(found("Ad", "Day", "x", "y", "z")).toBeNull();
  expect(found("Day")).toBeNull();
  expect(found()).toBeNull();
});

test("all that is wrong is said at once, once, in the file's own words", () => {
  expect(said(["Ad", "Day", "Views", "Clicks", "Cost"], plain)).toBeNull();
  expect(said(["Ad", "Day", "Shape", "Cost", " Colour "], plain)).toBe(
    'this looks like plain; it lacks the columns "Views", "Clicks": add them to the report, or give a constant (impressions=…, clicks=…); and it has the columns "Shape", "Colour", which the mapping does not know: list them under "ignore" if no line is split by them, else under "sumOver"',
  );
  expect(said(["Ad", "Day", "Views", "Spent", "Note 1"], wide)).toBe(
    'this looks like wide, the report "notes"; it lacks the column "Clicks": add it to the report, or give a constant (clicks=…)',
  );
  expect(said(["Ad", "Day", "a", "b", "c", "d"], plain)).toMatch(/^this is no file of the mapping plain; it lacks/);
});

test("what is a constant is not lacking", () => {
  expect(said(["Ad", "Day", "Views", "Cost"], { ...plain, constants: { clicks: "0" } })).toBeNull();
});
