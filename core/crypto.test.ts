import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { decrypt, encrypt, hmacSha256, parseKey, sameSecret, sha256 } from "./crypto.ts";

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
