import type { FastifyRequest } from "fastify";
import { ApiError } from "./errors.ts";
import { onBehalfOf } from "./on-behalf.ts";
import type { Api } from "./parts.ts";

export interface Asked {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer<Body> {
  status: number;
  body: Body;
}

/**
 * Calls a JSON route for whoever called us: the route checks, does and records for a page or an assistant what it does
 * for a program. A refusal is thrown with the words of the route.
 */
export async function callRoute<Body>(
  api: Pick<Api, "inject">,
  holder: Pick<FastifyRequest, "caller" | "affiliate">,
  { method, url, body, headers }: Asked,
): Promise<Answer<Body>> {
  const answer = await api.inject({
    method,
    url,
    headers: { ...onBehalfOf(holder), ...headers },
    ...(body === undefined ? {} : { payload: body as object }),
  });
  const parsed = answer.body === "" ? null : (answer.json() as unknown);
  if (answer.statusCode >= 400) {
    const { error, message, details } = parsed as { error: never; message: string; details?: Record<string, string> };
    const fields = Object.entries(details ?? {}).map(([field, what]) => `${field}: ${what}`);
    throw new ApiError(error, [message, ...fields].join("; "));
  }
  return { status: answer.statusCode, body: parsed as Body };
}
