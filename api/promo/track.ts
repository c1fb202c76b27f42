import type { FastifyReply } from "fastify";
import { z } from "zod";
import { uuidv7 } from "../../core/uuid.ts";
import type { Event, Kind } from "../../rules/promo/events.ts";
import { open } from "../server/access.ts";
import { ApiError, errorBody } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { keepClick } from "./click.ts";
import type { Counted } from "./counting/counter.ts";
import type { Counting } from "./counting/counting.ts";
import { limitOf } from "./refused.ts";
import { tags } from "./shapes.ts";

const id = z.number().int().min(1).max(2_147_483_647);
const eventId = z
  .string()
  .regex(/^[\w.:~-]{1,100}$/, "must be 1 to 100 letters, digits or . _ : ~ -")
  .nullish()
  .describe("your id of the event: sent again with it, the event counts once");
/** What Postgres cannot store is a mistake where it is a name, and left out where it is a remark. */
const sendId = z
  .string()
  // The same send, however a program writes its name.
  .trim()
  .normalize("NFC")
  .regex(/^[^\u0000-\u001f\u007f\p{Surrogate}]{1,100}$/u, "must be 1 to 100 characters");
const remark = z.string().max(20_000).nullish();

const impressionBody = z.object({
  offer_id: id,
  variation_id: id,
  newsletter_send_id: sendId
    .nullish()
    .describe("the send: it counts once per variation; blanks around it do not matter"),
  recipients: z
    .number()
    .int()
    .min(1)
    .max(100_000_000)
    .nullish()
    .describe("how many people it goes to; 1 by default. Under the same send id it can be corrected"),
  event_id: eventId,
});
const clickBody = z.object({
  variation_id: id,
  referrer: remark.describe(
    "the address of the page the link was on; of it scheme, host and path are kept, and nothing of what is no http(s) address",
  ),
  user_agent: remark.describe("the visitor's; without it the device is unknown"),
  ip_address: remark.describe(
    "the visitor's; with or without its port; stored as a hash whose secret is deleted after the month",
  ),
  event_id: eventId,
});

const waiting = z.object({
  error: z.literal("tracking_failed"),
  message: z.string(),
  offer_id: z.number().optional(),
  variation_id: z.number(),
  event_id: z.string(),
  recorded: z.boolean().describe("true: it will be counted, do not send it again"),
});
const answers = { 204: z.null().describe("it is counted"), 409: errorBody, 503: waiting };
const bodyLimit = 65_536;

/** Impressions and clicks: each is answered when it is committed, or lies on the disk. */
export function trackRoutes(api: Api, parts: ServerParts, counting: Counting): void {
  const { counter, catalog } = counting;
  const { counting: settings } = parts.config.promo;
  const keeper = {
    hashes: counting.hashes,
    identityKey: parts.config.identityKey,
    storesAddressHash: settings.storesAddressHash,
  };
  const route = (kind: Kind, max: number) => ({
    config: { ...open, hasDeadline: true, rateLimit: limitOf({ kind, max, clients: parts.config.clients }, counting) },
    bodyLimit,
  });

  api.post(
    "/track-impression",
    {
      ...route("impression", settings.impressionsPerMinute),
      schema: { tags, summary: "A newsletter shows a text of an offer", body: impressionBody, response: answers },
    },
    async (request, reply) => {
      const { body } = request;
      void catalog.touch();
      const event: Event = {
        kind: "impression",
        event_id: body.event_id ?? uuidv7(),
        offer_id: body.offer_id,
        variation_id: body.variation_id,
        send_id: body.newsletter_send_id ?? null,
        recipients: body.recipients ?? null,
        at: new Date().toISOString(),
      };
      return answer(reply, event, await counter.count(event));
    },
  );
  api.post(
    "/track-click",
    {
      ...route("click", settings.clicksPerMinute),
      schema: { tags, summary: "A click on the link of a text", body: clickBody, response: answers },
    },
    async (request, reply) => {
      const { body } = request;
      void catalog.touch();
      const click = await keepClick(
        {
          variationId: body.variation_id,
          via: "api",
          eventId: body.event_id ?? undefined,
          referrer: body.referrer,
          agent: body.user_agent,
          address: body.ip_address,
        },
        keeper,
      );
      const event: Event = { kind: "click", ...click };
      return answer(reply, event, await counter.count(event));
    },
  );
}

function answer(reply: FastifyReply, event: Event, counted: Counted): FastifyReply {
  if (counted.state !== "known") return reply.code(503).header("retry-after", "5").send(failed(event, counted));
  switch (counted.outcome) {
    case "counted":
    case "duplicate":
    case "repeat":
      return reply.code(204).send();
    case "conflict":
      throw new ApiError("conflict", "this event_id was sent with other content before; nothing was counted", {
        event_id: "is the id of another event",
      });
    case "unknown_variation":
      throw wrong({ variation_id: `Variation ID ${event.variation_id} does not exist` });
    case "unknown_offer":
      throw wrong({ offer_id: `Offer ID ${offerOf(event)} does not exist` });
    case "wrong_offer":
      throw wrong({ variation_id: `Variation ID ${event.variation_id} does not belong to offer ID ${offerOf(event)}` });
  }
}

/** As the callers know it from the start, and whether to send it again. */
function failed(event: Event, { state }: Counted): z.infer<typeof waiting> {
  const recorded = state === "spooled";
  return {
    error: "tracking_failed",
    message: recorded
      ? "Database connection failed; the event is recorded and will be counted: do not send it again"
      : "Database connection failed, and the event could not be recorded: send it again with this event_id",
    ...(event.kind === "impression" ? { offer_id: event.offer_id } : {}),
    variation_id: event.variation_id,
    event_id: event.event_id,
    recorded,
  };
}

/** Only an impression names its offer, and only of one can the offer be wrong. */
const offerOf = (event: Event) => String((event as { offer_id?: number }).offer_id);
const wrong = (details: Record<string, string>) => new ApiError("validation_error", "body is not valid", details);
