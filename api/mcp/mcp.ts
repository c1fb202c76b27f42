import type { FastifyRequest } from "fastify";
import { roles } from "../../core/tokens.ts";
import { allowAffiliates } from "../server/access.ts";
import { ApiError } from "../server/errors.ts";
import { isLoopback, nameIn } from "../server/local.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { converse } from "./converse.ts";

/** A message is a question with a few filters. */
const bodyLimit = 64 * 1_024;
const config = allowAffiliates(...roles);
const tags = ["assistants"];

/** Where assistants ask, by the Model Context Protocol: one message, one answer, and no session between them. */
export function mcpRoutes(api: Api, parts: ServerParts): void {
  api.post(
    "/mcp",
    {
      config,
      bodyLimit: Math.min(bodyLimit, parts.settings.bodyLimitBytes),
      schema: { tags, summary: "Tools for assistants, read only, by the Model Context Protocol (streamable HTTP)" },
    },
    async (request, reply) => {
      refuseStrangers(request, parts);
      if (typeof request.body !== "object" || request.body === null || Array.isArray(request.body))
        throw new ApiError("validation_error", "send one JSON-RPC message at a time");
      const answer = await converse({ api, parts, request });
      const text = await answer.text();
      return reply.code(answer.status).type("application/json; charset=utf-8").send(text);
    },
  );
  // Neither a stream to listen to nor a session to end: clients know by this answer to do without.
  for (const method of ["GET", "DELETE"] as const)
    api.route({
      method,
      url: "/mcp",
      config,
      schema: { hide: true },
      handler: (_request, reply) =>
        reply
          .code(405)
          .header("allow", "POST")
          .send({ error: "validation_error", message: "send messages by POST: there is no stream and no session" }),
    });
}

/**
 * A page that somebody opened must not talk to us, under whatever name it had its own address resolve to ours. It would
 * need a token as well: this holds where one has leaked into a browser.
 */
function refuseStrangers({ headers }: FastifyRequest, { config: { api }, settings: { publicUrl } }: ServerParts): void {
  const ours = publicUrl === null ? null : new URL(publicUrl);
  if (headers.origin !== undefined && headers.origin !== ours?.origin)
    throw new ApiError("forbidden", "pages of other sites may not ask here; the address of this server is PUBLIC_URL");
  const isAlone = isLoopback(api.host) && api.trustedProxies.length === 0;
  if (isAlone && !isLoopback(nameIn(headers.host)) && headers.host !== ours?.host)
    throw new ApiError("forbidden", "the Host header names another server; the address of this one is PUBLIC_URL");
}
