import type { Payload } from "@temporalio/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { createPayloadCodec } from "../../temporal/payload-codec.ts";
import { allowLocal, open } from "../server/access.ts";
import { ApiError } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";

const base64 = z.base64().or(z.literal(""));
const payload = z.object({ metadata: z.record(z.string(), base64).optional(), data: base64.optional() });
const payloads = z.object({ payloads: z.array(payload).max(1_000) });

/** Temporal carries 4 MB at most in one message, and base64 adds a third. */
const bodyLimit = 8 * 1_048_576;

/**
 * Temporal's codec protocol, so that its UI shows what we store there encrypted.
 *
 * Who may call: anybody on this machine, because the UI of a local stack has no token to send; a page of another origin
 * is refused, so that no web site can make the browser decrypt for it. Whoever comes from elsewhere needs the token of
 * an admin or operator ("Pass access token" in the UI's codec settings). A payload does not say whose it
 * is: who calls must already hold the ciphertext, which Temporal's own permissions guard.
 */
export function codecRoutes(api: Api, { config, settings, temporal }: ServerParts): void {
  const codec = config.payloadKey === null ? null : createPayloadCodec(config.payloadKey, temporal.namespace);
  const origins = settings.temporalUiUrl === null ? [] : spellingsOf(settings.temporalUiUrl);

  const admit = async (request: FastifyRequest, reply: FastifyReply) => {
    const { origin: asking } = request.headers;
    if (asking === undefined) return;
    if (!origins.includes(asking))
      throw new ApiError("forbidden", "only the Temporal UI at TEMPORAL_UI_URL may call the codec from a browser");
    // Not awaited: a reply is a promise of its own sending.
    void reply.headers({
      "access-control-allow-origin": asking,
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "authorization, content-type, x-namespace",
      "access-control-max-age": "600",
      vary: "origin",
    });
  };

  for (const direction of ["decode", "encode"] as const) {
    const url = `/${direction}`;
    api.options(url, { config: open, onRequest: admit, schema: { hide: true } }, (_request, reply) =>
      reply.code(204).send(),
    );
    api.post(
      url,
      {
        config: allowLocal("admin", "operator"),
        bodyLimit,
        onRequest: admit,
        schema: {
          tags: ["codec"],
          summary: `Temporal's codec protocol: ${direction} payloads`,
          body: payloads,
          response: { 200: payloads },
        },
      },
      async ({ body }) => {
        if (codec === null) throw new ApiError("not_found", "there is no codec: PAYLOAD_ENCRYPTION_KEY is not set");
        try {
          return { payloads: (await codec[direction](body.payloads.map(fromJson))).map(toJson) };
        } catch (error) {
          // A wrong key, or bytes that are not ours. What exactly stays ours, too.
          throw new ApiError(
            "validation_error",
            `a payload cannot be read with PAYLOAD_ENCRYPTION_KEY in the namespace "${temporal.namespace}"`,
            undefined,
            error,
          );
        }
      },
    );
  }
}

/** A local UI is opened by either name of this machine, whichever one the setting has. */
function spellingsOf(address: string): string[] {
  const { origin, protocol, port, hostname } = new URL(address);
  const names = ["localhost", "127.0.0.1"];
  return names.includes(hostname)
    ? names.map((name) => `${protocol}//${name}${port === "" ? "" : `:${port}`}`)
    : [origin];
}

type JsonPayload = z.infer<typeof payload>;

function fromJson({ metadata, data }: JsonPayload): Payload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value, "base64")]),
    ),
    data: Buffer.from(data ?? "", "base64"),
  };
}

function toJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString("base64")]),
    ),
    data: Buffer.from(data ?? []).toString("base64"),
  };
}
