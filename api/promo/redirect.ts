import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { KnownOffer } from "../../queries/promo/catalog.ts";
import type { Event } from "../../rules/promo/events.ts";
import { destinationOf } from "../../rules/promo/destination.ts";
import { open } from "../server/access.ts";
import { notFound, Unavailable } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { keepClick } from "./click.ts";
import type { Counting } from "./counting/counting.ts";
import { noteRefused } from "./refused.ts";
import { tags } from "./shapes.ts";

const params = z.object({ slug: z.string() });
const promoVar = /^[1-9]\d{0,9}$/;
const noBody = { 307: z.null().describe("to the offer's destination") };

/**
 * The links of newsletters, for sites without a redirect of their own. Whoever clicks is sent on at once: nothing here waits
 * for the database, and nothing about the click can keep it from leading to the offer.
 */
export function redirectRoutes(api: Api, parts: ServerParts, counting: Counting): void {
  const { catalog, counter, hashes } = counting;
  const { config } = parts;
  const { counting: settings } = config.promo;
  const keeper = { hashes, identityKey: config.identityKey, storesAddressHash: settings.storesAddressHash };
  const countCalls = api.createRateLimit({ max: settings.clicksPerMinute, timeWindow: 60_000 });

  const offerOf = async (slug: string): Promise<KnownOffer> => {
    const offer = await catalog.offerOfSlug(slug);
    if (offer === undefined)
      throw new Unavailable("the database does not say whether there is this offer; try again soon");
    if (offer === null || offer.archived) throw notFound("offer");
    return offer;
  };
  const clickOf = async (request: FastifyRequest, offer: KnownOffer, clickId: string): Promise<Event | null> => {
    const variation = variationOf(request.query);
    if (variation === null || (await catalog.offerOf(variation))?.id !== offer.id) return null;
    const { isAllowed, ...calls } = await countCalls(request);
    if (!isAllowed && "isExceeded" in calls && calls.isExceeded) {
      noteRefused({ kind: "click", variation, request, clients: config.clients }, counting);
      return null;
    }
    const { referer, "user-agent": agent } = request.headers;
    const click = await keepClick(
      { variationId: variation, via: "redirect", clickId, referrer: referer, agent, address: request.ip },
      keeper,
    );
    return { kind: "click", ...click };
  };

  api.get(
    "/:slug",
    {
      config: { ...open, hasDeadline: true, rateLimit: false },
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: "Leads to an offer and counts the click of the text that promo_var names",
        params,
        response: noBody,
      },
    },
    async (request, reply) => {
      const offer = await offerOf(request.params.slug);
      const clickId = randomUUID().replaceAll("-", "");
      sendOn(reply, destinationOf(offer, clickId));
      counter.countBehind(() => clickOf(request, offer, clickId));
      return reply;
    },
  );
  // Link checkers ask this way: they are sent on, and nobody clicked.
  api.head(
    "/:slug",
    { config: { ...open, hasDeadline: true, rateLimit: false }, schema: { tags, hide: true, params } },
    async (request, reply) => {
      const offer = await offerOf(request.params.slug);
      return sendOn(reply, offer.destinationUrl);
    },
  );
}

function sendOn(reply: FastifyReply, destination: string): FastifyReply {
  return reply.code(307).header("location", destination).header("content-length", "0").send();
}

/** Other parameters are the newsletter's own business, and so is a promo_var that is none. */
function variationOf(query: unknown): number | null {
  const given = (query as { promo_var?: unknown }).promo_var;
  const text = typeof given === "string" ? given : "";
  return promoVar.test(text) && Number(text) <= 2_147_483_647 ? Number(text) : null;
}
