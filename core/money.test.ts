import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cents, parseMoney, sameCents, subtractMoney, sumMoney } from "./money.ts";

describe("parseMoney", () => {
  test.each([
    ["26269.20", "26269.2"],
    ["8450.119999999999", "8450.12"],
    ["1999.005", "1999.005"],
    ["0.0000004999", "0"],
    ["0.0000005", "0.000001"],
    ["-0.0000005", "-0.000001"],
    ["-0.0000004", "0"],
    ["-0", "0"],
    ["-138.905", "-138.905"],
    ["007.50", "7.5"],
    ["1.5e3", "1500"],
    ["15E-1", "1.5"],
    ["999999999999.999999", "999999999999.999999"],
    ["-999999999999.9999994", "-999999999999.999999"],
  ])("%s is stored as %s", (sent, stored) => {
    expect(parseMoney(sent)).toBe(stored);
  });

  test.each([
    ...[
      "",
      " ",
      "1 ",
      " 1",
      "1,234.50",
      "$5",
      "NaN",
      "Infinity",
      "-",
      ".5",
      "5.",
      "+5",
      "0x10",
      "1e",
      "1e400",
      "1e-99999",
    ],
    ...["--1", "1.2.3", "1_000", "١٢", "null", "1\n", "1000000000000", "999999999999.9999995", "-1000000000000"],
  ])("%j is no amount", (sent) => {
    expect(parseMoney(sent)).toBeNull();
  });

  test("agrees with whole-number arithmetic for every decimal, half of the sixth place going away from zero", () => {
    fc.assert(
      fc.property(decimal, ({ text, digits, places }) => {
        expect(parseMoney(text)).toBe(plain(roundedTo(digits, places, 6), 6));
      }),
    );
  });

  test("what was stored once is stored the same when it comes back", () => {
    fc.assert(
      fc.property(decimal, ({ text }) => {
        const stored = parseMoney(text) ?? "";
        expect(parseMoney(stored)).toBe(stored);
      }),
    );
  });
});

test("a sum is exact in any order, where floats would drift", () => {
  expect(sumMoney(Array.from({ length: 10 }, () => "0.1"))).toBe("1");
  expect(sumMoney([])).toBe("0");
  expect(sumMoney(["140845.10", "35924.88", "22304.42"])).toBe("199074.4");
  fc.assert(
    fc.property(fc.array(micros, { maxLength: 50 }), (amounts) => {
      const sum = amounts.reduce((total, amount) => total + amount, 0n);
      const texts = amounts.map((amount) => plain(amount, 6));
      expect(sumMoney(texts)).toBe(plain(sum, 6));
      expect(sumMoney(texts.reverse())).toBe(plain(sum, 6));
    }),
  );
});

test("a difference is exact, and nothing is left of equal amounts", () => {
  expect(subtractMoney("0.3", "0.1")).toBe("0.2");
  expect(subtractMoney("-0.000001", "-0.000001")).toBe("0");
  fc.assert(
    fc.property(micros, micros, (one, other) => {
      expect(subtractMoney(plain(one, 6), plain(other, 6))).toBe(plain(one - other, 6));
    }),
  );
});

test.each([
  ["2.675", "2.68"],
  ["-2.675", "-2.68"],
  ["1.005", "1.01"],
  ["26269.2", "26269.20"],
  ["211152.62", "211152.62"],
  ["0", "0.00"],
  ["-0.004", "0.00"],
  ["999999999999.995", "1000000000000.00"],
])("%s is shown as %s", (amount, shown) => {
  expect(cents(amount)).toBe(shown);
});

test("amounts are equal to the cent when they lie less than half a cent apart", () => {
  expect(sameCents("0.005", "0.00499999999")).toBe(true);
  expect(sameCents("10", "10.004999")).toBe(true);
  expect(sameCents("10.005", "10")).toBe(false);
  expect(sameCents("-0.01", "0.01")).toBe(false);
  fc.assert(
    fc.property(micros, micros, (one, other) => {
      const apart = one > other ? one - other : other - one;
      expect(sameCents(plain(one, 6), plain(other, 6))).toBe(apart < 5_000n);
    }),
  );
});

const micros = fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n });

/** A decimal as a vendor may write it, beside what it means: digits / 10^places. */
const decimal = fc
  .record({
    digits: fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }),
    places: fc.integer({ min: 6, max: 16 }),
  })
  .map(({ digits, places }) => ({ text: fixed(digits, places), digits, places }));

function fixed(digits: bigint, places: number): string {
  const absolute = String(digits < 0n ? -digits : digits).padStart(places + 1, "0");
  return `${digits < 0n ? "-" : ""}${absolute.slice(0, -places)}.${absolute.slice(-places)}`;
}

function roundedTo(digits: bigint, from: number, to: number): bigint {
  const unit = 10n ** BigInt(from - to);
  const absolute = digits < 0n ? -digits : digits;
  const rounded = (2n * absolute + unit) / (2n * unit);
  return digits < 0n ? -rounded : rounded;
}

/** Without needless zeros, as the column's text is compared. */
function plain(digits: bigint, places: number): string {
  if (digits === 0n) return "0";
  return fixed(digits, places).replace(/\.?0+$/, "");
}
