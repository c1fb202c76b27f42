import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { cents, exactMoney, sumMoney } from "../../core/money.ts";
import { canonicalJson } from "../../core/canonical-json.ts";
import { keyIdOf, readPublicKey, readSigningKey } from "../../core/signing.ts";
import { madeSigningKey } from "../../test/payouts.ts";
import { sealStatement, withSeal, type SignedStatement, type StatementLine } from "./statement.ts";
import { totalLines } from "./total-lines.ts";
import { verifyStatement, writeStatement } from "./verify-statement.ts";

const key = madeSigningKey();
const forms = ["json", "csv", "html"] as const;

const made = (over: Partial<StatementLine>): StatementLine => ({
  line: 1,
  kind: "conversion",
  key: "c1",
  date: "2026-10-05",
  status: "approved",
  currency: "USD",
  payout: "10.00",
  stated: "0.00",
  amount: "10.00",
  held: "0.00",
  reason: "owed",
  detail: null,
  offer: "Offer",
  receiptId: 7,
  ...over,
});

function signed(texts: { affiliate?: string; offer?: string } = {}, signWith = key): SignedStatement {
  const lines = [
    made({ offer: texts.offer ?? "Offer" }),
    made({ line: 2, key: "c2", payout: "0.003", amount: "0.003" }),
    made({ line: 3, key: "c3", status: "pending", amount: "0.00", held: "10.00", reason: "pending" }),
    made({
      line: 4,
      key: "c0",
      kind: "correction",
      status: "rejected",
      stated: "5.00",
      amount: "-5.00",
      reason: "rejected_since",
      detail: "stated 5 of it, as approved",
    }),
    made({
      line: 5,
      key: "17",
      kind: "claim",
      status: "verified",
      currency: null,
      payout: "0.00",
      amount: "0.00",
      reason: "verified",
      offer: null,
      receiptId: null,
    }),
  ];
  const statement = {
    ...{
      statementId: 3,
      client: "713",
      month: "2026-10",
      affiliateId: "1001",
      affiliate: texts.affiliate ?? "Ada & Co",
    },
    ...{ closedAt: "2026-11-03T10:00:00.000Z", daysNotFinal: 0, claims: 1, claimsVerified: 1, claimsDisputed: 0 },
    ...{ origin: "real", previousHash: null },
  };
  const content = { statement, totals: totalLines(lines, { USD: "0.004" }), lines };
  return withSeal(content, sealStatement(content, signWith));
}

const problems = (file: string, publicKey = key.publicKey) => verifyStatement(file, publicKey).problems;

test("a statement is what was signed in each of its forms, read without anything else", () => {
  for (const form of forms) {
    const file = writeStatement(signed(), form);
    expect(verifyStatement(file, key.publicKey)).toEqual({ form, signed: signed(), problems: [] });
    // As spreadsheets and Windows save files.
    if (form !== "html") expect(problems(`\uFEFF${file.replaceAll(/\r?\n/g, "\r\n")}`)).toEqual([]);
  }
});

test("names that are formulas, markup, quotes or turn the line come back as they were", () => {
  const texts = [
    "=1+1",
    "'=1",
    "''",
    "-5",
    "-x",
    "<script>alert(1)</script>",
    'a";b',
    "a\r\nb",
    "\u202Eevil",
    "007",
    "1e5",
    "null",
    "</script>",
    "@sum",
    "\t=x",
  ];
  for (const text of texts)
    for (const form of forms) {
      const file = writeStatement(signed({ affiliate: text, offer: text }), form);
      expect([text, form, verifyStatement(file, key.publicKey).problems]).toEqual([text, form, []]);
      if (form === "html") expect(file).not.toContain("<script>alert");
      if (form === "csv") expect(file).not.toMatch(/(^|,)=1/m);
    }
});

test("any text comes back from a CSV", () => {
  const anyText = fc
    .string({ unit: "binary", minLength: 1, maxLength: 20 })
    .filter((text) => !/[\0\r\n\ud800-\udfff]/u.test(text));
  fc.assert(
    fc.property(anyText, (affiliate) => problems(writeStatement(signed({ affiliate }), "csv")).length === 0),
    { numRuns: 60 },
  );
});

test("an amount that was changed is named with its line, its sum and the hash, in each form", () => {
  for (const form of ["json", "csv"] as const) {
    const file = writeStatement(signed(), form);
    const forged = file
      .replace('"amount": "10.00"', '"amount": "99.00"')
      .replace("USD,10.00,0.00,10.00", "USD,10.00,0.00,99.00");
    expect(forged).not.toBe(file);
    expect(problems(forged).join("\n")).toMatch(
      /line 1 was changed: conversion c1 with 99\.00 USD is not what was signed/,
    );
    expect(problems(forged).join("\n")).toMatch(/USD conversions of the month says 10\.003, the lines come to 99\.003/);
  }
});

test("blank lines behind a file change nothing; characters behind the signature, and a value that is named twice, do", () => {
  for (const form of forms) expect(problems(`${writeStatement(signed(), form)}\r\n \n`)).toEqual([]);
  const { signature } = signed();
  expect(problems(writeStatement({ ...signed(), signature: `${signature}1` }, "json"))).toEqual([
    "the signature is not of this content with this key",
  ]);
  const file = writeStatement(signed({ offer: 'a":b\\' }), "json");
  expect(problems(file)).toEqual([]);
  expect(problems(JSON.stringify(JSON.parse(file)))).toEqual([]);
  expect(problems(file.replace('"amount": "10.00"', '"amount": "99.00", "amount": "10.00"'))).toEqual([
    "something is named twice in it, with a value that is not what was signed",
  ]);
});

test("a page has a row for each total, so that a sheet of paper is wide enough, and says whose days it means", () => {
  const file = writeStatement(signed(), "html");
  const [totals = ""] = /<h2>What it comes to[^]*?<\/table>/.exec(file) ?? [];
  expect([...totals.matchAll(/<th [^>]*>([^<]*)/g)].map(([, head]) => head)).toEqual(["", "USD"]);
  expect(totals).toContain('<tr><td>Owed</td><td class="n"><strong>5.01</strong></td></tr>');
  expect(file).toContain("Days are those of America/New_York.");
});

test("what only people see of a page is checked, too", () => {
  const file = writeStatement(signed(), "html");
  expect(problems(file.replace("<strong>5.01 USD", "<strong>5,001.01 USD"))).toEqual([
    expect.stringMatching(/line \d+ of the file shows “.*5,001\.01 USD.*” where the statement has “.*5\.01 USD/),
  ]);
  expect(problems(file.replace("<h2>Signature", "<p>Paid.</p><h2>Signature"))).toHaveLength(1);
});

test("a changed head, total, missing line, swapped line or foreign line is named", () => {
  const of = (change: (statement: SignedStatement) => unknown) => {
    const copy = structuredClone(signed());
    change(copy);
    return problems(writeStatement(copy, "json")).join("\n");
  };
  expect(of(({ statement }) => (statement.affiliate = "Eve"))).toMatch(/head of the statement was changed/);
  expect(of(({ totals }) => Object.assign(totals[0] ?? {}, { owed: "7.00" }))).toMatch(
    /totals were changed[^]*USD owed says 7\.00, the lines come to 5\.01/,
  );
  expect(of(({ lines }) => lines.splice(1, 1))).toMatch(/line 2 is missing/);
  expect(of(({ lines }) => lines.pop())).toMatch(/hash that it states/);
  expect(of(({ lines }) => lines.reverse())).toMatch(/another order/);
  expect(of((copy) => Object.assign(copy, { extra: 1 }))).toMatch(/no statement as Signal Room writes them/);
});

test("another key, also one that the file brings along, verifies nothing", () => {
  const forged = signed({ affiliate: "Eve" }, madeSigningKey());
  const text = problems(writeStatement(forged, "json")).join("\n");
  expect(text).toMatch(new RegExp(`names the key ${forged.keyId}, and is checked with ${key.keyId}`));
  expect(text).toMatch(/signature is not of this content with this key/);
  expect(problems("not,a\nstatement,1")).toEqual([expect.stringMatching(/^this is no statement/)]);
  expect(problems("<html></html>")).toEqual([expect.stringMatching(/the page has no statement in it/)]);
});

test("an owed amount is rounded once, from what is carried on and every digit of the lines", () => {
  const [total] = signed().totals;
  expect(total).toMatchObject({
    newAmount: "10.003",
    correctionsAmount: "-5.00",
    roundingCarried: "0.004",
    owed: "5.01",
    heldAmount: "10.00",
  });
  expect(cents(sumMoney([total?.newAmount ?? "", total?.correctionsAmount ?? "", "0.004"]))).toBe("5.01");
  expect(["5", "-0.0000", "1.5", "0.123456"].map(exactMoney)).toEqual(["5.00", "0.00", "1.50", "0.123456"]);
});

test("one content has one canonical text, whatever the order of its keys, and a fraction has none", () => {
  expect(canonicalJson({ b: [1, null, "é\n"], a: { d: true, c: "x" } })).toBe(
    '{"a":{"c":"x","d":true},"b":[1,null,"é\\n"]}',
  );
  expect(() => canonicalJson(0.1)).toThrow(/no one way/);
});

test("a key is an Ed25519 key or none; its public half is read from PEM, too", () => {
  expect(readSigningKey("bm8=")).toBeNull();
  const pem = `-----BEGIN PUBLIC KEY-----\n${key.publicKey}\n-----END PUBLIC KEY-----\n`;
  expect(readPublicKey(pem)).toBe(key.publicKey);
  expect(keyIdOf(key.publicKey)).toBe(key.keyId);
  expect(readPublicKey("x")).toBeNull();
});
