import { randomUUID } from "node:crypto";
import { z } from "zod";
import { readCandidates } from "../../queries/promo/candidates.ts";
import { choose, selectionModes } from "../../rules/promo/choose.ts";
import { promoLink } from "../../rules/promo/link.ts";
import { seededRandom } from "../../rules/promo/random.ts";
import { open } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { text } from "../server/shapes.ts";
import { tags } from "./shapes.ts";

const selected = z.object({
  offer_id: z.number(),
  offer_name: z.string(),
  offer_type: z.string(),
  variation_id: z.number(),
  text_content: z.string(),
  cta_text: text,
  tone: text,
  length_category: text,
  link: z.string().describe("what the newsletter links to: it carries promo_var"),
  mode: z.enum(selectionModes).describe("the client's setting"),
  reason: z.string().describe("why this offer and this text, in words"),
  seed: z.string().describe("the same seed on the same counts gives the same choice"),
});

/** What a newsletter is to show. */
export function selectRoutes(api: Api, { reading, config, settings }: ServerParts): void {
  const { promo, clients } = config;
  api.get(
    "/select-random",
    {
      config: { ...open, rateLimit: { max: promo.selectPerMinute, timeWindow: 60_000 } },
      schema: {
        tags,
        summary: "An active offer, then an approved text of it, with the link to put into the newsletter",
        querystring: z.object({
          client: word.optional().describe("the first client by default"),
          seed: word.optional().describe("makes the choice repeatable; by default the server draws one"),
        }),
        response: { 200: selected },
      },
    },
    async (request) => {
      const { client = String(clients[0]), seed = randomUUID() } = request.query;
      const own = promo.clients.get(client);
      // Whether there is such a client is nobody's business: it has nothing to show.
      const choice =
        own === undefined ? null : choose(await readCandidates(reading, { client }), own.selection, seededRandom(seed));
      if (own === undefined || choice === null) throw notFound("active offer with an approved text");
      const { offer, variation, reason } = choice;
      const base = own.linkBase ?? new URL("/r/", settings.publicUrl ?? `${request.protocol}://${request.host}`).href;
      return {
        offer_id: offer.id,
        offer_name: offer.name,
        offer_type: offer.offerType,
        variation_id: variation.id,
        text_content: variation.textContent,
        cta_text: variation.ctaText,
        tone: variation.tone,
        length_category: variation.lengthCategory,
        link: promoLink({ base, slug: offer.slug, variationId: variation.id }),
        mode: own.selection,
        reason,
        seed,
      };
    },
  );
}
