import { expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { quarantineSeal } from "./quarantine-seal.ts";

const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const others = { identityKey: keyRing(Buffer.alloc(32, 3)), payloadKey: null };

test("a line from before the key was changed opens and keeps its digest; new ones are under the current key", () => {
  const before = quarantineSeal({ ...others, credentialsKey: keyRing(first), hashingKey: first });
  const during = quarantineSeal({ ...others, credentialsKey: keyRing(second, first), hashingKey: first });
  const after = quarantineSeal({ ...others, credentialsKey: keyRing(second), hashingKey: first });
  expect(during.open(before.seal("a line"))).toBe("a line");
  expect(after.open(before.seal("a line"))).toBeNull();
  expect(after.open(during.seal("a line"))).toBe("a line");
  expect(during.digest("a line")).toBe(before.digest("a line"));
});
