import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decrypt,
  encrypt,
  hmacSha256,
  keyRing,
  openSealed,
  parseKey,
  reseal,
  sameSecret,
  seal,
  sealingKey,
  sha256,
} from "./crypto.ts";

const key = Buffer.alloc(32, 7);

test("a key is exactly 32 bytes, as hex or as base64", () => {
  const bytes = randomBytes(32);
  expect(parseKey(bytes.toString("hex"))).toEqual(bytes);
  expect(parseKey(bytes.toString("hex").toUpperCase())).toEqual(bytes);
  expect(parseKey(bytes.toString("base64"))).toEqual(bytes);
  expect(parseKey(bytes.toString("base64url"))).toEqual(bytes);
  for (const wrong of [
    "",
    "secret",
    randomBytes(31).toString("base64"),
    randomBytes(33).toString("hex"),
    "ab".repeat(16),
  ]) {
    expect(parseKey(wrong)).toBeNull();
  }
});

test("what was encrypted comes back byte for byte, and never twice in the same cipher text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.string(), (plain, context) => {
      const sealed = encrypt(key, plain, context);
      expect(new Uint8Array(decrypt(key, sealed, context))).toEqual(plain);
      expect(encrypt(key, plain, context).equals(sealed)).toBe(false);
    }),
  );
});

test("another key, another context, one changed bit or a cut piece is refused", () => {
  const sealed = encrypt(key, Buffer.from("26269.20"), "713");
  expect(() => decrypt(Buffer.alloc(32, 8), sealed, "713")).toThrow();
  expect(() => decrypt(key, sealed, "acme")).toThrow();
  expect(() => decrypt(key, sealed)).toThrow();
  for (let index = 0; index < sealed.length; index += 1) {
    const changed = Buffer.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(() => decrypt(key, changed, "713")).toThrow();
    expect(() => decrypt(key, sealed.subarray(0, index), "713")).toThrow();
  }
});

test("hashes are the well-known ones", () => {
  expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(sha256("é")).toBe(sha256(Buffer.from("é")));
  expect(hmacSha256("key", "The quick brown fox jumps over the lazy dog")).toBe(
    "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
  );
});

test("secrets of any length are compared whole", () => {
  expect(sameSecret("abc", "abc")).toBe(true);
  for (const other of ["abd", "ab", "abcd", ""]) expect(sameSecret("abc", other)).toBe(false);
});

test("with two keys the current one seals, and both open, in their context alone", () => {
  const [old, current] = [randomBytes(32), randomBytes(32)];
  const [before, during, after] = [keyRing(old), keyRing(current, old), keyRing(current)];
  const earlier = seal(before, Buffer.from("x"), "713");
  const later = seal(during, Buffer.from("y"), "713");
  expect(openSealed(during, earlier, "713").toString()).toBe("x");
  expect(openSealed(after, later, "713").toString()).toBe("y");
  expect(() => openSealed(after, earlier, "713")).toThrow("another key");
  expect(() => openSealed(before, later, "713")).toThrow("another key");
  expect(() => openSealed(during, earlier, "acme")).toThrow("another place");
});

test("what seals is derived from the setting, and what the setting itself sealed still opens", () => {
  const direct = encrypt(key, Buffer.from("from before"), "713");
  expect(openSealed(keyRing(key), direct, "713").toString()).toBe("from before");
  expect(openSealed(keyRing(randomBytes(32), key), direct, "713").toString()).toBe("from before");
  expect(() => decrypt(key, seal(keyRing(key), Buffer.from("new"), "713"), "713")).toThrow();
  expect(sealingKey(key).equals(key)).toBe(false);
});

test("re-sealing leaves what is current as it is, and says what no key opens", () => {
  const [old, current] = [randomBytes(32), randomBytes(32)];
  const keys = keyRing(current, old);
  for (const earlier of [
    seal(keyRing(old), Buffer.from("x"), "713"),
    encrypt(old, Buffer.from("x"), "713"),
    encrypt(current, Buffer.from("x"), "713"),
  ]) {
    const fresh = reseal(keys, earlier, "713");
    if (fresh.state !== "resealed") throw new Error(fresh.state);
    expect(openSealed(keyRing(current), fresh.sealed, "713").toString()).toBe("x");
    expect(reseal(keys, fresh.sealed, "713")).toEqual({ state: "current" });
  }
  expect(reseal(keys, seal(keyRing(randomBytes(32)), Buffer.from("x"), "713"), "713")).toEqual({ state: "unreadable" });
  expect(reseal(keys, Buffer.alloc(3), "713")).toEqual({ state: "unreadable" });
});
