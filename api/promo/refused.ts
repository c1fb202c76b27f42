import { normalizeIP } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import type { Kind } from "../../rules/promo/events.ts";
import type { Counting } from "./counting/counting.ts";

interface Limit {
  kind: Kind;
  /** Events a minute of one caller. */
  max: number;
  clients: readonly string[];
}

interface RefusedEvent {
  kind: Kind;
  variation: number;
  request: FastifyRequest;
  clients: readonly string[];
}

type Knowing = Pick<Counting, "refusals" | "catalog" | "hashes">;

/** The limit of a route that events come through. It looks at the body first, so that what is refused is known, and whose it is. */
export function limitOf({ kind, max, clients }: Limit, counting: Knowing) {
  return {
    max,
    timeWindow: 60_000,
    hook: "preHandler" as const,
    onExceeded: (request: FastifyRequest) => {
      const { variation_id: variation } = request.body as { variation_id: number };
      noteRefused({ kind, variation, request, clients }, counting);
    },
  };
}

/** An event that was refused is counted for its caller, whose address nobody gets to see. */
export function noteRefused({ kind, variation, request, clients }: RefusedEvent, counting: Knowing): void {
  const { refusals, catalog, hashes } = counting;
  const { caller, ip } = request;
  const client = catalog.known(variation)?.client ?? caller?.client ?? String(clients[0]);
  // The first of a process wait for what addresses are hashed with.
  void hashes.lookAfter().then(() => {
    const address = hashes.hash("caller", normalizeIP(ip))?.slice(0, 12) ?? "unknown";
    refusals.add({ client, kind, caller: caller === null ? `address ${address}` : caller.subject });
  });
}
