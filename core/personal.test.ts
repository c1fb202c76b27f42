import { expect, test } from "@jest/globals";
import { maskContacts, maskFileName, maskPath, maskPersonal } from "./personal.ts";

test.each([
  ['spend "jane.canary+x@example.com" is not an amount', 'spend "[address]" is not an amount'],
  ["spend jane@example.com is not an amount", "spend [address] is not an amount"],
  ['clicks "+1 (555) 010-0199" is no whole number', 'clicks "[phone]" is no whole number'],
  ['clicks "555-010-0199" is no whole number', 'clicks "[number]" is no whole number'],
  ['geography "Jane Canary" is no country', 'geography "[text]" is no country'],
  ['timestamp "2999-01-01T00:00:00Z" is in the future', 'timestamp "2999-01-01T00:00:00Z" is in the future'],
  ['timestamp "2999-01-01T00:00:00.25+05:30" is odd', 'timestamp "2999-01-01T00:00:00.25+05:30" is odd'],
  ['placement "sk_live_4242deadbeef0000" is too long', 'placement "[key]" is too long'],
])("%s", (message, masked) => {
  expect(maskPersonal(message)).toBe(masked);
});

test.each(["212-555-0188", "(212) 555-0188", "212.555.0188", "212 555 0188"])("%s in a note is blanked", (phone) => {
  expect(maskContacts(`call ${phone}, not before 9.`)).toBe("call [phone], not before 9.");
});

test("a file that is named by an address keeps its ending and its folder", () => {
  expect(maskFileName("jane.roe@victim.example.csv.gz")).toBe("[address].csv.gz");
  expect(maskFileName("+1 415 559 7999.jsonl")).toBe("[phone].jsonl");
  expect(maskFileName("2025-12-18.csv")).toBe("2025-12-18.csv");
  expect(maskPath("713/google/jane@victim.example.csv")).toBe("713/google/[address].csv");
});

test.each([
  'spend "12abc" is not an amount',
  'device_type "phonn" is not a device',
  'creative "123456789012345678" is not known',
  'date "2025-11-31" is not a day',
  'date "2025-11-31 00:00:00" is not a day',
  "order ORD-212-555-0188, 2026-11-29 10:46, 713 5550188, 4242.555.0188",
  "2,000 of 3,000 lines would be rejected (2000 creative id): nothing is stored",
])("%s is left as it is", (message) => {
  expect(maskPersonal(message)).toBe(message);
});
