import { expect, test } from "@jest/globals";
import { jsonDelimiter, notOneRecord } from "./one-record.ts";

const comma = { header: 'creative,"the ""day""",spend', delimiter: "," };

test.each([
  "1,2025-11-29,5",
  '"1","2025-11-29","5"',
  ' "1" '.trim(),
  '1,"two\nlines",5',
  '1,"5"" banner",5',
  "1,2",
  "1;2",
])("%j is one record", (text) => expect(notOneRecord(text, comma)).toBeNull());

test.each([
  ['"1,2025-11-29,5', "never closed"],
  ['1,2025-11-29,"5""', "never closed"],
  ['1,5"x,5', "in the middle"],
  ['1,"5"x,5', "in the middle"],
  ["1,2,3\n4,5,6", "more than one"],
  ['1,"2\n3",4\r5', "more than one"],
  ['1,"two\nlines"', "columns do not fit"],
  [",,", "nothing stands"],
  ['" ",\t,', "nothing stands"],
])("%j is not: %s", (text, why) => expect(notOneRecord(text, comma)).toContain(why));

test("a record of JSON is one object with something in it", () => {
  const json = { header: '["creative"]', delimiter: jsonDelimiter };
  expect(notOneRecord('{"creative":1}', json)).toBeNull();
  for (const text of ['{"creative":1', '{"creative":1},{"creative":2}', "[1]", "7", "{}", '{"creative":null,"x":{}}'])
    expect(notOneRecord(text, json)).not.toBeNull();
});

test("what separates the file's cells is no blank of a cell", () => {
  const tab = { header: "creative\tday", delimiter: "\t" };
  expect(notOneRecord('1\t"2"', tab)).toBeNull();
  expect(notOneRecord("\t\t", tab)).toContain("nothing stands");
});
