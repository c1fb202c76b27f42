import type { FastifyRequest } from "fastify";
import { hashAffiliateKey } from "../../rules/recon/affiliate-key.ts";
import { sameSecret } from "../../core/crypto.ts";
import { findByKeyHash, findGoodKeys } from "../../queries/recon/keys.ts";
import type { AffiliateCaller } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { createGoodCredentials } from "../server/good-credentials.ts";
import type { ServerParts } from "../server/parts.ts";

const refusal = () => new ApiError("unauthorized", "the key in X-API-Key is not valid, or was rotated or disabled");

export interface AffiliateKeys {
  /** Before the limits are counted: notes the key that came along, and whether calls count against it or the address. */
  note: (request: FastifyRequest) => Promise<void>;
  /** After them: who holds it. */
  find: (request: FastifyRequest) => Promise<void>;
}

/**
 * Reads X-API-Key on the routes that affiliates may call. The key is found by its hash, which nobody can steer towards
 * another's, so the time that takes tells nothing of any key.
 */
export function createAffiliateKeys({ reading, config }: Pick<ServerParts, "reading" | "config">): AffiliateKeys {
  const good = createGoodCredentials((hashes) => findGoodKeys(reading, hashes));

  const holderOf = async (hash: string): Promise<AffiliateCaller | null> => {
    const found = await findByKeyHash(reading, hash);
    const isGood = found?.isActive === true && sameSecret(found.keyHash, hash) && config.clients.includes(found.client);
    return isGood ? { client: found.client, affiliateId: found.affiliateId } : null;
  };

  return {
    async note(request) {
      const { access } = request.routeOptions.config;
      const given = request.headers["x-api-key"];
      if (access === undefined || access === "public" || access.affiliates !== true || given === undefined) return;
      const hash = typeof given === "string" ? hashAffiliateKey(given) : null;
      request.affiliateKey = { hash, isKnown: hash !== null && (await good.isGood(hash)) };
      // A token that came along as well does not make up for a bad key.
      request.caller = null;
    },
    async find(request) {
      if (request.affiliateKey === null) return;
      const { hash } = request.affiliateKey;
      request.affiliate = hash === null ? null : await holderOf(hash);
      if (request.affiliate === null) request.refusal = refusal();
      if (hash !== null) good.note(hash, request.affiliate !== null);
    },
  };
}

/** The affiliate of a route that only affiliates may call. */
export function affiliateOf(request: Pick<FastifyRequest, "affiliate">): AffiliateCaller {
  if (request.affiliate === null) throw refusal();
  return request.affiliate;
}

/** Whose rows may be read: all of a client for its staff, an advertiser's campaigns, an affiliate's own. */
export interface Scope {
  client: string;
  affiliateId: string | null;
  advertiserId: string | null;
}

export function scopeOf({ caller, affiliate }: Pick<FastifyRequest, "caller" | "affiliate">): Scope {
  if (affiliate !== null) return { ...affiliate, advertiserId: null };
  if (caller === null) throw new Error("a public route asked for its caller");
  return {
    client: caller.client,
    affiliateId: null,
    advertiserId: caller.role === "advertiser" ? (caller.advertiser ?? "") : null,
  };
}

/** Another affiliate's rows are none of this one's business: not even whether they exist. */
export function requireOwn(request: Pick<FastifyRequest, "affiliate">, affiliateId: string): void {
  if (request.affiliate !== null && request.affiliate.affiliateId !== affiliateId) throw notFound("affiliate");
}
