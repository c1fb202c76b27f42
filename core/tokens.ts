import { SignJWT } from "jose";

export const roles = ["admin", "operator", "advertiser", "analyst"] as const;
export type Role = (typeof roles)[number];

export interface TokenRequest {
  secret: string;
  client: string;
  role: Role;
  /** Of an advertiser's token: whose rows it sees. */
  advertiser?: string;
  expiresInSeconds: number;
  subject: string;
}

/** A token for the HTTP doors, signed with the shared secret. */
export async function issueToken(request: TokenRequest): Promise<string> {
  const { secret, client, role, advertiser, expiresInSeconds, subject } = request;
  return new SignJWT({ client, role, ...(advertiser === undefined ? {} : { advertiser }) })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInSeconds)
    .sign(new TextEncoder().encode(secret));
}
