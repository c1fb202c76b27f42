import { expect, test } from "@jest/globals";
import { decodeProtectedHeader, jwtVerify } from "jose";
import { issueToken } from "./tokens.ts";

const secret = "a secret of at least thirty-two characters";
const claims = { secret, client: "713", role: "operator", subject: "anna", expiresInSeconds: 600 } as const;
const verify = (token: string, with_ = secret) =>
  jwtVerify(token, new TextEncoder().encode(with_), { algorithms: ["HS256"] });

test("a token names client, role and person, and ends", async () => {
  const { payload } = await verify(await issueToken(claims));
  expect(payload).toMatchObject({ client: "713", role: "operator", sub: "anna" });
  expect(payload).not.toHaveProperty("advertiser");
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(600);
});

test("it is signed with HS256, and refused under another secret or after its end", async () => {
  const token = await issueToken(claims);
  expect(decodeProtectedHeader(token).alg).toBe("HS256");
  await expect(verify(token, "another secret of thirty-two characters")).rejects.toThrow();
  await expect(verify(await issueToken({ ...claims, expiresInSeconds: -10 }))).rejects.toThrow('"exp"');
});

test("an advertiser's token says whose rows it opens, and is not made without", async () => {
  const { payload } = await verify(await issueToken({ ...claims, role: "advertiser", advertiser: "17" }));
  expect(payload).toMatchObject({ role: "advertiser", advertiser: "17" });
  await expect(issueToken({ ...claims, role: "advertiser" })).rejects.toThrow("advertiser id");
});
