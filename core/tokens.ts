import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import { sha256 } from "./crypto.ts";

/** `admin` and `operator` may change things, `analyst` reads, `advertiser` sees what is its own. */
export const roles = ["admin", "operator", "advertiser", "analyst"] as const;
export type Role = (typeof roles)[number];

export interface TokenClaims {
  secret: string;
  client: string;
  role: Role;
  /** Whose rows a token of role `advertiser` may see. */
  advertiser?: string | undefined;
  /** The name shown in logs and on resolved alerts. */
  subject: string;
  expiresInSeconds: number;
  /** By which it can be revoked. */
  tokenId?: string;
  /** What the server insists on, where it does. */
  audience?: string | null;
  issuer?: string | null;
}

/** Signs a token that the HTTP server accepts. It always ends: a leaked one must not work for ever. */
export async function issueToken(claims: TokenClaims): Promise<string> {
  const { secret, client, role, advertiser, subject, expiresInSeconds, tokenId = randomUUID() } = claims;
  const { audience = null, issuer = null } = claims;
  if (role === "advertiser" && advertiser === undefined)
    throw new Error("a token of role advertiser needs its advertiser id");
  const now = Math.floor(Date.now() / 1_000);
  const token = new SignJWT({ client, role, ...(advertiser === undefined ? {} : { advertiser }) });
  if (audience !== null) token.setAudience(audience);
  if (issuer !== null) token.setIssuer(issuer);
  return token
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setJti(tokenId)
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + expiresInSeconds)
    .sign(new TextEncoder().encode(secret));
}

/** By which a token can be revoked that has no id of its own. */
export function tokenHash(token: string): string {
  return `sha256:${sha256(token)}`;
}

/** How a code that logs in once is stored. */
export function loginCodeHash(code: string): string {
  return sha256(`login code ${code}`);
}
