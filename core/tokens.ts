import { SignJWT } from "jose";

/** `admin` and `operator` may change things, `analyst` reads, `advertiser` sees what is its own. */
export const roles = ["admin", "operator", "advertiser", "analyst"] as const;
export type Role = (typeof roles)[number];

export interface TokenClaims {
  secret: string;
  client: string;
  role: Role;
  /** Whose rows a token of role `advertiser` may see. */
  advertiser?: string | undefined;
  /** Whom the log and a resolved alert name. */
  subject: string;
  expiresInSeconds: number;
}

/** Signs a token that the HTTP server accepts. It always ends: a leaked one must not work for ever. */
export async function issueToken({
  secret,
  client,
  role,
  advertiser,
  subject,
  expiresInSeconds,
}: TokenClaims): Promise<string> {
  if (role === "advertiser" && advertiser === undefined)
    throw new Error("a token of role advertiser needs its advertiser id");
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ client, role, ...(advertiser === undefined ? {} : { advertiser }) })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + expiresInSeconds)
    .sign(new TextEncoder().encode(secret));
}
