import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { sha256, keyRing } from "../../core/crypto.ts";
import { hashForMeta, identityOf, openIdentity, sealIdentity, type HashedField } from "./identity.ts";

// What each value has to be before it is hashed; null: it is left out.
test.each<[HashedField, string, string | null]>([
  ["em", "  John.Smith@Example.COM ", "john.smith@example.com"],
  ["em", "no address", null],
  ["ph", "+1 (650) 555-1212", "16505551212"],
  ["ph", "0044 20 7946 0018", "442079460018"],
  ["ph", "12345", null],
  ["ph", "12345678901234567", null],
  ["ph", "call me", null],
  ["ge", "Female", "f"],
  ["ge", "M", "m"],
  ["ge", "unknown", null],
  ["db", "1997-02-16", "19970216"],
  ["db", "19970216", "19970216"],
  ["db", "16/02/1997", null],
  ["fn", " Mary ", "mary"],
  ["fn", "정", "정"],
  ["ln", "Ångström-O'Neil", "ångström-o'neil"],
  ["ct", "New York (NY) 10", "newyorkny"],
  ["ct", "St. Louis-Nord", "stlouisnord"],
  ["st", "C A.", "ca"],
  ["zp", "94035-1234", "94035"],
  ["zp", "M1 1AE", "m11ae"],
  ["country", "US", "us"],
  ["country", "United States", null],
  ["external_id", " User-17 ", "user-17"],
  ["em", "   ", null],
])("%s %j is hashed as %j", (field, value, plain) => {
  expect(hashForMeta(field, value)).toBe(plain === null ? null : sha256(plain));
});

test("the hash is the one Meta publishes for its own example, and a hash is not hashed again", () => {
  const published = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";
  expect(hashForMeta("em", "john_smith@gmail.com")).toBe(published);
  expect(hashForMeta("em", published.toUpperCase())).toBe(published);
});

test("address, user agent and the browser's ids stay as they are; what is empty is left out", () => {
  expect(
    identityOf({
      email: "a@b.example",
      phone: "",
      city: "12",
      country: null,
      ipAddress: " 203.0.113.7 ",
      userAgent: "Mozilla/5.0 (X11)",
      fbc: "fb.1.1772960000000.AbCd",
      fbp: "",
    }),
  ).toEqual({
    em: [sha256("a@b.example")],
    client_ip_address: "203.0.113.7",
    client_user_agent: "Mozilla/5.0 (X11)",
    fbc: "fb.1.1772960000000.AbCd",
  });
});

test("a sealed identity opens for its own conversion and key alone, and shows nothing", () => {
  const key = keyRing(randomBytes(32));
  const owner = { client: "713", conversionKey: "everflow:1" };
  const identity = identityOf({ ipAddress: "203.0.113.7" });
  const sealed = sealIdentity(key, owner, identity);
  expect(openIdentity(key, owner, sealed)).toEqual(identity);
  expect(openIdentity(key, { ...owner, conversionKey: "everflow:2" }, sealed)).toBeNull();
  expect(openIdentity(key, { ...owner, client: "acme" }, sealed)).toBeNull();
  expect(openIdentity(keyRing(randomBytes(32)), owner, sealed)).toBeNull();
  expect(sealed.toString("latin1")).not.toContain("203.0.113");
});
