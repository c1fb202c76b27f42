import { normalizeIP } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { readWebhookBody } from "../../rules/conversions/webhook-body.ts";
import { sameSecret } from "../../core/crypto.ts";
import { originHeader, type Origin } from "../../core/origin.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { receiveEvents } from "../../queries/conversions/anytrack-events.ts";
import { open } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { createIdentityKeeper, type KeepIdentities } from "./identity-keeper.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { whileAwake } from "../server/whole-transaction.ts";

const received = z.object({
  received: z.number().describe("events in the body"),
  stored: z.number().describe("conversions that are new or changed"),
});

/** AnyTrack's webhook: stored for good before it answers, however often and in whatever order events come. */
export function createAnytrackHooks(given: { keepIdentities?: KeepIdentities } = {}) {
  return (api: Api, parts: ServerParts): void => {
    const keepIdentities = given.keepIdentities ?? createIdentityKeeper(parts.config);
    const { anytrack } = parts.config;
    const { requestsPerMinute } = parts.settings;

    /** Every secret is compared, whichever fits: how long it takes tells nothing. */
    const clientOf = (request: FastifyRequest): string | null => {
      const { secret } = request.params as { secret: string };
      let found: string | null = null;
      for (const [client, known] of anytrack.webhookSecrets) if (sameSecret(secret, known)) found = client;
      return found;
    };

    // As text: a number would lose its digits on the way through JSON.parse.
    api.removeAllContentTypeParsers();
    api.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));

    api.post(
      "/anytrack/:secret",
      {
        config: {
          ...open,
          rateLimit: {
            max: (request: FastifyRequest) =>
              clientOf(request) === null ? requestsPerMinute : anytrack.webhookPerMinute,
            timeWindow: 60_000,
            keyGenerator: (request: FastifyRequest) => {
              const client = clientOf(request);
              return client === null ? `address ${normalizeIP(request.ip)}` : `webhook anytrack/${client}`;
            },
          },
        },
        // Before the body: whoever does not know the secret learns no more than at any other address that is none.
        preParsing: async (request) => {
          if (clientOf(request) === null) throw notFound("address");
        },
        schema: {
          tags: ["conversions"],
          summary: "AnyTrack's webhook: one event or a list of them",
          params: z.object({ secret: z.string() }),
          response: { 200: received },
        },
      },
      async (request) => {
        const client = clientOf(request);
        if (client === null) throw notFound("address");
        const body = readWebhookBody(typeof request.body === "string" ? request.body : "", {
          now: new Date(),
          // With another secret visitors are others: their clicks of before are no longer found.
          visitorKey: anytrack.webhookSecrets.get(client),
        });
        if (body.kind === "problem") {
          await reportRefusal(parts, client, body.details);
          throw new ApiError("validation_error", "body is not valid", body.details);
        }
        const { conversions, clicks, visits, identities } = body;
        if (identities.length > 0) await keepIdentities(parts.reading, { client, identities });
        const events = { client, origin: senderOf(request), conversions, clicks };
        const { stored } = await whileAwake(parts.reading, receiveEvents(parts.reading, events, anytrack));
        return { received: conversions.length + clicks.length + visits, stored };
      },
    );
  };
}

/** The mock server says what it is; whoever knows the secret and says so too only keeps its events out of the real figures. */
function senderOf(request: FastifyRequest): Origin {
  return request.headers[originHeader] === "sandbox" ? "sandbox" : "real";
}

/** The secret was right, so the sender is AnyTrack: its form changed, and somebody should know. */
async function reportRefusal(parts: ServerParts, client: string, details: Record<string, string>): Promise<void> {
  const fields = Object.entries(details).map(([field, problem]) => `${field} ${problem}`);
  await raiseAlert(parts.reading, {
    client,
    area: "anytrack",
    kind: "webhook_refused",
    subject: "anytrack webhook",
    severity: "warning",
    message: `an event of AnyTrack's webhook could not be read: ${fields.slice(0, 5).join("; ")}`,
    details: { fields: Object.keys(details) },
  });
}
