import { z } from "zod";
import {
  changeOffer,
  createOffer,
  findOffer,
  findOfferBySlug,
  listOffers,
  type OfferChange,
} from "../../queries/promo/offers.ts";
import type { OfferRow } from "../../queries/promo/shapes.ts";
import { differencesOf, newOffer, offerFields, toNewOffer } from "../../rules/promo/offer-shapes.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { listRoute } from "../server/list-route.ts";
import { paging } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { flag, isTrue } from "../server/shapes.ts";
import { offer, promoId, tags, toOffer } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

const change = z
  .object({
    name: offerFields.name.optional(),
    destination_url: offerFields.destination_url.optional(),
    click_id_parameter: offerFields.click_id_parameter.optional(),
    landing_url: offerFields.landing_url.optional(),
    weight: offerFields.weight.optional(),
    active: z.boolean().optional(),
    archived: z.boolean().optional().describe("over: its address below /r/ answers 404, its counts stay"),
  })
  .refine((given) => Object.keys(given).length > 0, { error: "must name what is to change" });

/** What newsletters promote. */
export function offerRoutes(api: Api, parts: ServerParts): void {
  listRoute(api, "/offers", {
    config: readers,
    tags,
    summary: "Offers with their texts and counts, the oldest first",
    querystring: paging.extend({ include_archived: flag }),
    item: offer,
    place: promoId,
    read: ({ filter, after, limit }, request) =>
      listOffers(parts.reading, {
        client: callerOf(request).client,
        withArchived: isTrue(filter.include_archived) ?? false,
        afterId: after,
        limit,
      }),
    placeOf: (row) => row.offerId,
    toItem: toOffer,
  });
  api.get(
    "/offers/:id",
    {
      config: readers,
      schema: {
        tags,
        summary: "One offer, archived or not",
        params: z.object({ id: promoId }),
        response: { 200: offer },
      },
    },
    async (request) => toOffer(await readOne(parts, { client: callerOf(request).client, offerId: request.params.id })),
  );
  createRoute(api, parts);
  changeRoute(api, parts);
}

function createRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/offers",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Creates an offer, once per slug: the same again is the offer there is",
        body: newOffer.extend({
          origin: z.enum(["real", "sandbox"]).default("real").describe("sandbox: made up, to try things out"),
        }),
        response: { 200: offer.describe("the same offer existed already"), 201: offer },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const wanted = toNewOffer(request.body);
      const offerId = await audited(parts, request, async (session, record) => {
        const made = await createOffer(session, { client, offer: wanted, origin: request.body.origin });
        if (made !== null) await record(session, act("offer_created", made, request.body));
        return made;
      });
      if (offerId !== null) return reply.code(201).send(toOffer(await readOne(parts, { client, offerId })));
      const found = await findOfferBySlug(parts.database, { client, slug: wanted.slug });
      const different = found === null ? ["slug"] : differencesOf(found, wanted);
      if (found === null || different.length > 0)
        throw new ApiError("conflict", "another offer has this slug", {
          slug: found === null ? "is taken" : `is offer ${found.offerId}, with another ${different.join(", ")}`,
        });
      return reply.code(200).send(toOffer(found));
    },
  );
}

function changeRoute(api: Api, parts: ServerParts): void {
  api.patch(
    "/offers/:id",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Changes an offer; what is left out stays, and so do its slug and its counts",
        params: z.object({ id: promoId }),
        body: change,
        response: { 200: offer },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const of = { client, offerId: request.params.id };
      await audited(parts, request, async (session, record) => {
        if (await changeOffer(session, { ...of, change: toChange(request.body) }))
          await record(session, act("offer_changed", of.offerId, request.body));
      });
      return toOffer(await readOne(parts, of));
    },
  );
}

function toChange(given: z.output<typeof change>): OfferChange {
  return {
    name: given.name,
    destinationUrl: given.destination_url,
    clickIdParameter: given.click_id_parameter,
    landingUrl: given.landing_url,
    weight: given.weight,
    active: given.active,
    archived: given.archived,
  };
}

async function readOne({ reading }: ServerParts, of: { client: string; offerId: number }): Promise<OfferRow> {
  const found = await findOffer(reading, of);
  if (found === null) throw notFound("offer");
  return found;
}

function act<Action extends string>(action: Action, offerId: number, details: Record<string, unknown>) {
  return { action, subject: `promo/offer/${offerId}`, details };
}
