import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { LosslessNumber, parse } from "lossless-json";
import { parseLossless } from "./lossless.ts";

/** What a parser makes of a text, or that it refuses it. */
function outcome(read: (text: string) => unknown, text: string): unknown {
  try {
    return { read: read(text) };
  } catch (error) {
    return { refused: (error as Error).message };
  }
}

test("keeps digits that a float would lose", () => {
  expect(parseLossless('{"cost": 26269.20, "id": 12345678901234567890, "small": -1.5E-3}')).toEqual({
    cost: new LosslessNumber("26269.20"),
    id: new LosslessNumber("12345678901234567890"),
    small: new LosslessNumber("-1.5E-3"),
  });
});

test("reads what the library reads, whatever it is, however it is spaced", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, "\t"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(parseLossless(text)).toEqual(parse(text));
    }),
    { numRuns: 1_000 },
  );
});

test("reads what an engine's number would lose beside what it would keep", () => {
  const digits = fc.oneof(
    fc.integer().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.tuple(fc.integer(), fc.stringMatching(/^\d{1,20}$/)).map(([whole, decimals]) => `${whole}.${decimals}`),
    fc.constantFrom("-0", "1e5", "1E+2", "10.50", "0.1", "12345678901234567890", "1e400"),
  );
  const name = fc.constantFrom('"a"', '"b"', '"c:1.50"', '"d\\":"', '"e" ', '"__proto__"');
  const fields = fc.array(fc.tuple(name, digits), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 3 }), (objects) => {
      const text = `[${objects.map((pairs) => `{${pairs.map((pair) => pair.join(":")).join(", ")}}`).join(",")}]`;
      expect(outcome(parseLossless, text)).toEqual(outcome(parse, text));
    }),
    { numRuns: 2_000 },
  );
});

test("refuses what the library refuses, in its words", () => {
  const change = fc.record({ at: fc.nat(), remove: fc.nat(3), insert: fc.string({ maxLength: 3 }) });
  fc.assert(
    fc.property(fc.json(), change, (text, { at, remove, insert }) => {
      const place = at % (text.length + 1);
      const broken = text.slice(0, place) + insert + text.slice(place + remove);
      expect(outcome(parseLossless, broken)).toEqual(outcome(parse, broken));
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  '{"a\\"b\\\\": "\\\\", "c": "x\\\\\\"y"}',
  '"\\u00e9\\ud83d\\ude00"',
  '"tab\tin it"',
  '{"a": 1, "a": 2}',
  '{"a": 1, "a": 1}',
  '{"__proto__": {"polluted": 1}, "constructor": "x"}',
  "01",
  "1.",
  "+1",
  "-",
  "[1,]",
  '{"a" 1}',
  "nul",
  "",
  "  ",
  "1 2",
  '"open',
  '"open\\"',
])("%j is what the library makes of it", (text) => {
  expect(outcome(parseLossless, text)).toEqual(outcome(parse, text));
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});
