import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { z } from "zod";
import { testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "./parts.ts";
import { money } from "./shapes.ts";

let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Shape {
  type?: string;
  description?: string;
  properties?: Record<string, Shape>;
  items?: Shape;
  anyOf?: Shape[];
  additionalProperties?: Shape | boolean;
}

const isAmount = /spend|spent|cost|payout|revenue|margin|cpa$|saleAmount|^amount$|savings/i;
/** Not amounts: what the cost is, counts, percentages, and what says in its name that it is exact. */
const isOther = /basis|days|conversions_?without|pct$|percent|exact$|^has|^is|count/i;

/** Fields of an answer that are amounts by their name, and whether the answer says that they have two places. */
function amountsOf(shape: Shape, at: string): { at: string; isToTheCent: boolean }[] {
  const inside = [
    ...(shape.anyOf ?? []).flatMap((one) => amountsOf(one, at)),
    ...(shape.items === undefined ? [] : amountsOf(shape.items, `${at}[]`)),
    ...(typeof shape.additionalProperties === "object" ? amountsOf(shape.additionalProperties, `${at}.*`) : []),
  ];
  for (const [name, field] of Object.entries(shape.properties ?? {})) {
    const place = `${at}.${name}`;
    inside.push(...amountsOf(field, place));
    const kinds = field.anyOf ?? [field];
    const text = kinds.find(({ type }) => type === "string" || type === "number");
    if (text === undefined || !isAmount.test(name) || isOther.test(name)) continue;
    const said = `${field.description ?? ""} ${text.description ?? ""} ${JSON.stringify(text)}`;
    inside.push({ at: place, isToTheCent: text.type === "string" && said.includes("^-?\\\\d+\\\\.\\\\d{2}$") });
  }
  return inside;
}

test("amounts have two places in every answer of every route", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<
      string,
      Record<string, { responses?: Record<string, { content?: Record<string, { schema?: Shape }> }> }>
    >;
  }>();
  const amounts = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses = {} }]) =>
      Object.values(responses).flatMap(({ content }) =>
        amountsOf(content?.["application/json"]?.schema ?? {}, `${method} ${path} `),
      ),
    ),
  );
  expect(amounts.length).toBeGreaterThan(60);
  expect(amounts.filter(({ isToTheCent }) => !isToTheCent).map(({ at }) => at)).toEqual([]);
});

test("an amount is rounded where an answer is written, whatever a route gives", () => {
  const shape = z.object({ spend: money.nullable() });
  for (const [given, shown] of [
    ["1.005", "1.01"],
    ["125.500000", "125.50"],
    ["-0.004", "0.00"],
    ["7", "7.00"],
    ["123456789012.125", "123456789012.13"],
    [null, null],
  ])
    expect([given, z.encode(shape, { spend: given as string })]).toEqual([given, { spend: shown }]);
});
