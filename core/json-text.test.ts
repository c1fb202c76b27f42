import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { jsonProblem } from "./json-text.ts";

const nested = (levels: number) => `${'{"a":['.repeat(levels / 2)}${"]}".repeat(levels / 2)}`;

test.each([
  [nested(64), null],
  [nested(66), "is nested deeper than 64 levels"],
  ["[".repeat(20_000), "is nested deeper than 64 levels"],
  ['{"amount":"1","amount":"2"}', 'has the key "amount" twice'],
  ['{"amount":"1","\\u0061mount":"2"}', 'has the key "amount" twice'],
  ['[{"a":1},{"a":2}]', null],
  ['{"a":{"a":1}}', null],
  ['{"a":"a","b":["a","a"]}', null],
  ['{"a":"\\"","a":1}', 'has the key "a" twice'],
  ['{"a":"\\\\","a":1}', 'has the key "a" twice'],
  ['{"__proto__":{}}', "has a key __proto__"],
  ['{"\\u005f_proto__":{}}', "has a key __proto__"],
  ['["__proto__"]', null],
  [`[${"1,".repeat(500_001)}1]`, "has more than 500000 members"],
  ['{"a', null],
  ["", null],
])("%.40s: %s", (text, problem) => {
  expect(jsonProblem(text)).toBe(problem);
});

test("whatever JSON writes, with each key once, is fine", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 10 }), (text) => {
      if (text.includes("__proto__")) return;
      expect(jsonProblem(JSON.stringify(JSON.parse(text)))).toBeNull();
    }),
  );
});
