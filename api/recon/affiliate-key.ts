import type { FastifyRequest } from "fastify";
import { hashAffiliateKey } from "../../rules/recon/affiliate-key.ts";
import { sameSecret } from "../../core/crypto.ts";
import { findByKeyHash } from "../../queries/recon/keys.ts";
import type { AffiliateCaller } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";

const refusal = () => new ApiError("unauthorized", "the key in X-API-Key is not valid, or was rotated or disabled");

/**
 * Reads X-API-Key on the routes that affiliates may call, before the limits are counted. The key is found by its hash,
 * which nobody can steer towards another's, so the time that takes tells nothing of any key.
 */
export function readAffiliateKeys(api: Api, { reading }: Pick<ServerParts, "reading">): void {
  api.addHook("onRequest", async (request) => {
    const { access } = request.routeOptions.config;
    const given = request.headers["x-api-key"];
    if (access === undefined || access === "public" || access.affiliates !== true || given === undefined) return;
    // A token that came along as well does not make up for a bad key.
    request.caller = null;
    const hash = typeof given === "string" ? hashAffiliateKey(given) : null;
    const found = hash === null ? null : await findByKeyHash(reading, hash);
    if (hash !== null && found !== null && found.isActive && sameSecret(found.keyHash, hash))
      request.affiliate = { client: found.client, affiliateId: found.affiliateId };
    else request.refusal = refusal();
  });
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
