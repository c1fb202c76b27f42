import { expect, test } from "@jest/globals";
import { mostDoubtful, SeenKeys } from "./seen-keys.ts";

const countries = ["US", "BR", "IN", "MX", "GB", "DE", "FR", "ES", "IT", "CA"].map((code) =>
  Buffer.from(`\t\\N\t${code}`),
);

/** The key with this number: creatives beside each other, day by day, country by country. */
function take(keys: SeenKeys, line: number, key: number): void {
  const bytes = countries[key % 10] as Buffer;
  const creative = Math.floor(key / 10) % 5_000;
  const day = 20_251_201 + Math.floor(key / 50_000);
  keys.take(line, { high: creative % 2, low: 79_783 + creative * 7, day, bytes, start: 0, end: bytes.length });
}

test("every line whose key was there before is doubtful, and hardly another", () => {
  const keys = new SeenKeys();
  for (let key = 0; key < 500_000; key += 1) take(keys, key, key);
  expect(keys.doubtful?.length).toBeLessThan(20);
  for (let key = 0; key < 500_000; key += 1_000) take(keys, 1_000_000 + key, key);
  expect(keys.doubtful?.filter((line) => line >= 1_000_000)).toEqual(
    Array.from({ length: 500 }, (_, index) => 1_000_000 + index * 1_000),
  );
});

test("where too many are doubtful, none is named", () => {
  const keys = new SeenKeys();
  for (let line = 0; line <= mostDoubtful; line += 1) take(keys, line, 0);
  expect(keys.doubtful).toHaveLength(mostDoubtful);
  take(keys, mostDoubtful + 1, 0);
  expect(keys.doubtful).toBeNull();
});
