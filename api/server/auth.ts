import type { webcrypto } from "node:crypto";
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import { z } from "zod";
import { roles, tokenHash } from "../../core/tokens.ts";
import type { Caller } from "./access.ts";
import { ApiError, Unavailable } from "./errors.ts";

export interface AuthSettings {
  jwtSecret: string | null;
  /** Accepted too, while tokens it signed are about. */
  previousJwtSecret: string | null;
  jwksUrl: string | null;
  /** The audience and the issuer that a token must have, where an identity provider serves others too. */
  audience: string | null;
  issuer: string | null;
  /** A token that names another was meant for another server. */
  clients: readonly string[];
  /** Asked for each call: a token that was let in before may have been revoked since. */
  isRevoked: (token: TokenNames) => Promise<boolean>;
}

/** What a token goes by when it is revoked. */
export interface TokenNames {
  id: string | null;
  hash: string;
}

/** Answers who holds a token, or throws what the caller is to hear. */
export type Verify = (authorization: string) => Promise<Caller>;

const text = z.string().min(1).max(200);
const claims = z
  .object({
    jti: text.optional(),
    sub: text.optional(),
    client: text,
    role: z.enum(roles),
    advertiser: text.optional(),
  })
  .refine(({ role, advertiser }) => role !== "advertiser" || advertiser !== undefined, {
    path: ["advertiser"],
    error: "is missing",
  });

const mostSeenTokens = 1_000;

/** Two kinds of keys, and each verifies its own algorithms only: a public key never serves as an HMAC secret. */
const shared = ["HS256"];
const published = ["RS256", "ES256"];

export function createVerifier(settings: AuthSettings): Verify {
  const secrets = [settings.jwtSecret, settings.previousJwtSecret].flatMap((one) =>
    one === null ? [] : [sharedKey(one)],
  );
  const seen = createSeenTokens();
  const keys = settings.jwksUrl === null ? null : publishedKeys(settings.jwksUrl);
  const expected: JWTVerifyOptions = {
    requiredClaims: ["exp"],
    clockTolerance: 5,
    ...(settings.audience === null ? {} : { audience: settings.audience }),
    ...(settings.issuer === null ? {} : { issuer: settings.issuer }),
  };

  return async (authorization) => {
    if (secrets.length === 0 && keys === null)
      throw new Unavailable("no token can be checked: set API_JWT_SECRET or API_JWKS_URL");
    const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(authorization.trim())?.[1];
    if (token === undefined) throw new ApiError("unauthorized", "the Authorization header must be: Bearer <JWT>");
    const { caller, names } = await read(token).catch((error: unknown) => {
      throw refusal(error);
    });
    if (!settings.clients.includes(caller.client))
      throw new ApiError("unauthorized", "the token is for a client that this server does not have");
    if (await settings.isRevoked(names)) throw new ApiError("unauthorized", "the token was revoked");
    return caller;
  };

  async function read(token: string): Promise<Holder> {
    const kind = algorithmOf(token);
    if (secrets.length > 0 && shared.includes(kind)) {
      const known = seen.find(token);
      if (known !== null) return known;
      const payload = await verifyShared(token);
      return seen.keep(token, payload.exp, toHolder(token, payload));
    }
    if (keys !== null && published.includes(kind)) {
      const { payload } = await jwtVerify(token, keys, { ...expected, algorithms: published });
      return toHolder(token, payload);
    }
    throw new ApiError("unauthorized", "the token is signed with an algorithm this server does not accept");
  }

  async function verifyShared(token: string): Promise<JWTPayload> {
    for (const [index, secret] of secrets.entries()) {
      try {
        return (await jwtVerify(token, await secret(), { ...expected, algorithms: shared })).payload;
      } catch (error) {
        const isLast = index === secrets.length - 1;
        if (isLast || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

interface Holder {
  caller: Caller;
  names: TokenNames;
}

/** Only chooses which key to try; that key then insists on its own algorithms. */
function algorithmOf(token: string): string {
  try {
    return decodeProtectedHeader(token).alg ?? "none";
  } catch {
    throw new ApiError("unauthorized", "the token is not valid");
  }
}

/**
 * What was once signed with the shared secret is signed with it for ever, and only its end can come: the same caller is
 * known again without another verification. Not for published keys, which can be withdrawn.
 */
function createSeenTokens() {
  const callers = new Map<string, { holder: Holder; endsAtMs: number }>();
  return {
    find(token: string): Holder | null {
      const known = callers.get(token);
      if (known === undefined) return null;
      if (Date.now() < known.endsAtMs) return known.holder;
      callers.delete(token);
      return null;
    },
    keep(token: string, expiresAt: number | undefined, holder: Holder): Holder {
      if (expiresAt === undefined) return holder;
      callers.set(token, { holder, endsAtMs: expiresAt * 1_000 });
      const [oldest] = callers.keys();
      if (callers.size > mostSeenTokens && oldest !== undefined) callers.delete(oldest);
      return holder;
    },
  };
}

/** Imported once: to import it costs as much as to verify a token. */
function sharedKey(secret: string): () => Promise<webcrypto.CryptoKey> {
  let key: Promise<webcrypto.CryptoKey> | undefined;
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return () => (key ??= crypto.subtle.importKey("raw", new TextEncoder().encode(secret), hmac, false, ["verify"]));
}

/** Keys that cannot be fetched are our trouble, not the token's. */
function publishedKeys(url: string): JWTVerifyGetKey {
  const find = createRemoteJWKSet(new URL(url), { timeoutDuration: 900, cooldownDuration: 10_000 });
  return async (header, token) => {
    try {
      return await find(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new Unavailable("the keys at API_JWKS_URL cannot be read now", error);
    }
  };
}

function toHolder(token: string, payload: JWTPayload): Holder {
  const parsed = claims.safeParse(payload);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ApiError("unauthorized", `the token's claim ${String(issue?.path[0])} is missing or not valid`);
  }
  const { jti, sub, client, role, advertiser } = parsed.data;
  return {
    caller: { client, role, advertiser: advertiser ?? null, subject: sub ?? role },
    names: { id: jti ?? null, hash: tokenHash(token) },
  };
}

function refusal(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof errors.JWTExpired) return new ApiError("unauthorized", "the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed)
    return new ApiError("unauthorized", `the token's claim ${error.claim} is missing or not valid`);
  return new ApiError("unauthorized", "the token is not valid");
}
