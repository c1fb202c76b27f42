import { z } from "zod";
import {
  changeVariation,
  createVariation,
  findVariation,
  lockOffer,
  type VariationChange,
} from "../../queries/promo/variations.ts";
import type { VariationRow } from "../../queries/promo/shapes.ts";
import { differencesOf, newVariation, toNewVariation, variationFields } from "../../rules/promo/offer-shapes.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { promoId, tags, toVariation, variation } from "./shapes.ts";

const keepers = allow("admin", "operator");
const ofId = z.object({ id: promoId });

const change = z
  .object({
    approved: z.boolean().optional(),
    weight: variationFields.weight.optional(),
    tone: variationFields.tone.optional(),
    length_category: variationFields.length_category.optional(),
  })
  .refine((given) => Object.keys(given).length > 0, { error: "must name what is to change" });

/** The texts of an offer. Their words do not change, as what was counted is of them: other words are another variation. */
export function variationRoutes(api: Api, parts: ServerParts): void {
  createRoute(api, parts);
  changeRoute(api, parts);
}

function createRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/offers/:id/variations",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Adds a text to an offer, once per text and call to action: the same again is the one there is",
        params: ofId,
        body: newVariation,
        response: { 200: variation.describe("the same text existed already"), 201: variation },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const of = { client, offerId: request.params.id };
      const wanted = toNewVariation(request.body);
      const made = await audited(parts, request, async (session, record) => {
        if (!(await lockOffer(session, of))) throw notFound("offer");
        const created = await createVariation(session, { ...of, variation: wanted });
        if (created.isNew) await record(session, act("variation_created", created.variationId, request.body));
        return created;
      });
      const row = await readOne(parts, { client, variationId: made.variationId });
      const different = made.isNew ? [] : differencesOf(row, wanted);
      if (different.length > 0)
        throw new ApiError("conflict", "the offer has this text already", {
          text_content: `is variation ${row.variationId}, with another ${different.join(", ")}`,
        });
      return reply.code(made.isNew ? 201 : 200).send(toVariation(row));
    },
  );
}

function changeRoute(api: Api, parts: ServerParts): void {
  api.patch(
    "/variations/:id",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Approves a text, or changes how often it is selected; what is left out stays",
        params: ofId,
        body: change,
        response: { 200: variation },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const of = { client, variationId: request.params.id };
      await audited(parts, request, async (session, record) => {
        if (await changeVariation(session, { ...of, change: toChange(request.body) }))
          await record(session, act("variation_changed", of.variationId, request.body));
      });
      return toVariation(await readOne(parts, of));
    },
  );
}

function toChange(given: z.output<typeof change>): VariationChange {
  return {
    approved: given.approved,
    weight: given.weight,
    tone: given.tone,
    lengthCategory: given.length_category,
  };
}

async function readOne({ database }: ServerParts, of: { client: string; variationId: number }): Promise<VariationRow> {
  const found = await findVariation(database, of);
  if (found === null) throw notFound("variation");
  return found;
}

function act<Action extends string>(action: Action, variationId: number, details: Record<string, unknown>) {
  return { action, subject: `promo/variation/${variationId}`, details };
}
