import { expect, test } from "@jest/globals";
import { insertRow, named } from "./named.ts";

test("each name is one place, however often it stands in the statement", () => {
  expect(named("select :client::text, :id where :client = :id", { client: "713", id: 7 })).toEqual({
    text: "select $1::text, $2 where $1 = $2",
    values: ["713", 7],
  });
});

test("casts and formats are no names", () => {
  const text = `select now()::text, to_char(now(), 'HH24:MI:SS')`;
  expect(named(text, {})).toEqual({ text, values: [] });
});

test("a name without a value is refused, whatever objects inherit", () => {
  expect(() => named("select :clinet", { client: "713" })).toThrow("no value for :clinet");
  expect(() => named("select :toString", {})).toThrow("no value for :toString");
});

test("a row is written by the names of its columns", () => {
  expect(insertRow("recon.x", { _client_id: "713", note: null }, "id")).toEqual({
    text: "insert into recon.x (_client_id, note) values ($1, $2) returning id",
    values: ["713", null],
  });
});
