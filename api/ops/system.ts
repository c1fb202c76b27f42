import { z } from "zod";
import type { Role } from "../../core/tokens.ts";
import { open } from "../server/access.ts";
import { createHealthReader } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import type { Api, ServerParts } from "../server/parts.ts";

const reach = z.object({ reachable: z.boolean(), latencyMs: z.number() });
const readiness = z.object({
  ready: z.boolean(),
  postgres: reach,
  temporal: reach,
  late: z
    .array(z.object({ client: z.string(), source: z.string(), reason: z.string() }))
    .nullable()
    .describe("sources that should have been fetched by now; null while Postgres does not answer"),
  failing: z
    .array(z.object({ client: z.string(), source: z.string(), key: z.boolean() }))
    .nullable()
    .describe("sources whose last run failed, with `key` because the vendor refuses the key; null as above"),
  alerts: z
    .object({ critical: z.number(), warning: z.number(), info: z.number() })
    .nullable()
    .describe("open alerts; null while Postgres does not answer"),
});

const readsMoney: readonly Role[] = ["admin", "operator", "analyst"];

/** The server itself: alive, ready, measured. */
export function createSystemRoutes(metrics: Metrics) {
  return (api: Api, parts: ServerParts): void => {
    const readHealth = createHealthReader(parts);

    for (const path of ["/healthz", "/health"])
      api.get(
        path,
        {
          config: { ...open, rateLimit: false },
          schema: {
            tags: ["system"],
            summary: "Is the process alive?",
            response: { 200: z.object({ status: z.literal("ok") }) },
          },
        },
        () => Promise.resolve({ status: "ok" as const }),
      );

    api.get(
      "/readyz",
      {
        config: open,
        schema: {
          tags: ["system"],
          summary: "Are Postgres and Temporal reachable? Also lists late sources and open alerts",
          response: { 200: readiness, 503: readiness },
        },
      },
      async (_request, reply) => {
        const health = await readHealth();
        const ready = health.postgres.reachable && health.temporal.reachable;
        return reply.code(ready ? 200 : 503).send({ ready, ...health });
      },
    );

    api.get(
      "/metrics",
      {
        config: open,
        schema: {
          tags: ["system"],
          summary: "For Prometheus; amounts only with a token, or from this machine itself",
        },
      },
      async (request, reply) => {
        const { caller } = request;
        const money =
          caller !== null && readsMoney.includes(caller.role)
            ? { client: caller.client }
            : caller === null && request.refusal === null && request.isLocal
              ? "all"
              : "none";
        return reply.type(metrics.contentType).send(await metrics.scrape(money));
      },
    );
  };
}
