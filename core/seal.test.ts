import { expect, test } from "@jest/globals";
import { createSeal } from "./seal.ts";

const one = Buffer.alloc(32, 1);
const other = Buffer.alloc(32, 2);

test("a sealed text shows nothing of what it says, is another each time, and opens again", () => {
  const seal = createSeal([one], "quarantine");
  const sealed = seal.seal("jane@example.com");
  expect(Buffer.from(sealed.slice(7), "base64").toString("latin1")).not.toContain("jane");
  expect(seal.seal("jane@example.com")).not.toBe(sealed);
  expect(seal.open(sealed)).toBe("jane@example.com");
});

test("what an older key has sealed is still opened, what another purpose or a lost key has sealed is not", () => {
  const sealed = createSeal([one], "quarantine").seal("text");
  expect(createSeal([other, null, one], "quarantine").open(sealed)).toBe("text");
  expect(createSeal([one], "evidence").open(sealed)).toBeNull();
  expect(createSeal([other], "quarantine").open(sealed)).toBeNull();
  expect(createSeal([one], "quarantine").open(`${sealed.slice(0, -6)}AAAA==`)).toBeNull();
});

test("without a key nothing is kept", () => {
  const seal = createSeal([null], "quarantine");
  expect(seal.seal("text")).toBe("");
  expect(seal.open("")).toBeNull();
});

test("equal texts have one digest, which another key does not make", () => {
  const digest = (key: Buffer) => createSeal([key], "quarantine").digest("+1 555 0100");
  expect(digest(one)).toBe(digest(one));
  expect(digest(one)).not.toBe(digest(other));
});

test("a text is sealed anew with the key that comes first, once, and what no key opens stays", () => {
  const sealed = createSeal([one], "quarantine").seal("text");
  const both = createSeal([other, one], "quarantine");
  const fresh = both.reseal(sealed);
  if (fresh.state !== "resealed") throw new Error(fresh.state);
  expect(createSeal([other], "quarantine").open(fresh.sealed)).toBe("text");
  expect(both.reseal(fresh.sealed)).toEqual({ state: "current" });
  expect(createSeal([other], "quarantine").reseal(sealed)).toEqual({ state: "unreadable" });
});

test("a digest outlives the key that sealed", () => {
  const digest = createSeal([one], "quarantine").digest("text");
  expect(createSeal([other, one], "quarantine", one).digest("text")).toBe(digest);
  expect(createSeal([other, one], "quarantine").digest("text")).not.toBe(digest);
});
