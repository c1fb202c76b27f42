import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { questionShape, statementOf, type Dialect } from "./statement.ts";

const dialect: Dialect = {
  table: (name) => `[${name}]`,
  column: (name) => `[${name}]`,
  bound: (name) => `<${name}>`,
};
const shape = z.object(questionShape("LAKE", { table: /^[a-z.]+$/, example: "a.b" }));
const asked = (settings: Record<string, string>, day = "2025-12-18", zone = "UTC") =>
  statementOf("LAKE", dialect, { settings: { LAKE_COLUMNS: "", ...settings }, day, zone });
const problemsOf = (settings: Record<string, string>) =>
  shape.safeParse(settings).error?.issues.map(({ path }) => path[0]) ?? [];

test("a table is asked for one day, each key added up there, and a NULL makes its sum NULL", () => {
  const columns = "creative_id=creative, date=day, spend=cost, impressions, clicks, geography=country";
  expect(asked({ LAKE_TABLE: "a.b", LAKE_COLUMNS: columns })).toEqual({
    text: [
      "SELECT [creative] AS [creative_id], [day] AS [date], [country] AS [geography],",
      "CASE WHEN COUNT(*) = COUNT([impressions]) THEN SUM([impressions]) END AS [impressions],",
      "CASE WHEN COUNT(*) = COUNT([clicks]) THEN SUM([clicks]) END AS [clicks],",
      "CASE WHEN COUNT(*) = COUNT([cost]) THEN SUM([cost]) END AS [spend]",
      "FROM [a.b] WHERE [day] = <day> GROUP BY 1, 2, 3",
    ].join(" "),
    bound: [{ name: "day", value: "2025-12-18" }],
  });
});

test("a query gets its values beside the text, as often as it names them, and not within quotes and comments", () => {
  const found = asked({
    LAKE_QUERY:
      "select '@day', \"@day\", `@day` /* @day */ from x -- @day\n where t >= @day_start and t < @day_end and d = @day;",
  });
  expect(found).toEqual({
    text: "select '@day', \"@day\", `@day` /* @day */ from x -- @day\n where t >= <day_start> and t < <day_end> and d = <day>",
    bound: [
      { name: "day_start", value: "2025-12-18T00:00:00.000Z" },
      { name: "day_end", value: "2025-12-19T00:00:00.000Z" },
      { name: "day", value: "2025-12-18" },
    ],
  });
});

test.each([
  ["2026-03-08", "2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z"],
  ["2026-11-01", "2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"],
])("%s in New York begins and ends by its own clock", (day, from, to) => {
  const { bound } = asked({ LAKE_QUERY: "select @day_start, @day_end" }, day, "America/New_York");
  expect(bound.map(({ value }) => value)).toEqual([from, to]);
});

test("one of a table and a query says what to ask", () => {
  expect(() => asked({})).toThrow("set LAKE_TABLE or LAKE_QUERY");
  expect(() => asked({ LAKE_TABLE: "a.b", LAKE_QUERY: "select @day" })).toThrow("set one of LAKE_TABLE and LAKE_QUERY");
});

describe("settings that cannot be asked are refused at the start", () => {
  test.each([
    ["SELECT 1", "is about no day"],
    ["SELECT '@day'", "names it within quotes alone"],
    ["SELECT @day_start", "has no end"],
    ["DELETE FROM x WHERE d = @day", "is no SELECT"],
    ["SELECT @day; DROP TABLE x", "is two statements"],
    ["DECLARE d DATE DEFAULT @day; SELECT d", "is a script"],
  ])("a query: %s %s", (query) => expect(problemsOf({ LAKE_QUERY: query })).toEqual(["LAKE_QUERY"]));

  test.each([
    "with a as (select 1) select @day",
    "-- by day\nSELECT @day",
    "select @day_start, @day_end;",
    "select @day; -- ; drop",
    "/* ; */ select @day, ';'",
  ])("and this one is not: %s", (query) => expect(problemsOf({ LAKE_QUERY: query })).toEqual([]));

  test.each([
    "creative_id,date,impressions,clicks",
    "creative_id,date,impressions,clicks,spend,clicks",
    "creative_id,date,impressions,clicks,spend=cost`; drop table x",
    "creative_id,date,impressions,clicks,spend,region",
    "creative_id=a=b,date,impressions,clicks,spend",
  ])("columns: %s", (columns) => expect(problemsOf({ LAKE_COLUMNS: columns })).toEqual(["LAKE_COLUMNS"]));

  test.each(["0", "-1", "1.5", "1e9", "many"])("a cap of %s bytes", (cap) =>
    expect(problemsOf({ LAKE_MAX_BYTES: cap })).toEqual(["LAKE_MAX_BYTES"]),
  );
});
