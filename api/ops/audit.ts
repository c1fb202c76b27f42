import { z } from "zod";
import { auditOrders, countAudit, listAudit } from "../../queries/ops/audit.ts";
import { allow, callerOf } from "../server/access.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { instant, isMore, part } from "../server/shapes.ts";

const entry = z.object({
  auditId: z.number(),
  at: instant,
  actor: z
    .string()
    .describe(
      "the subject of a token, `affiliate/<id>`, `cli:<os user>` from the command line, `temporal:<what Temporal knows>` from its UI, or `workflow`, `pipeline` or `import` where the system acts by itself",
    ),
  role: z
    .string()
    .nullable()
    .describe("the role of the token; null from the command line, from Temporal, and of the system itself"),
  action: z.string(),
  subject: z.string().describe("what was changed"),
  details: z.unknown(),
});

export const auditTotals = z.object({ entries: z.number(), isMore, actors: part });

/** Who did what by hand. It can be read here and nowhere changed. */
export function auditRoutes(api: Api, { reading }: ServerParts): void {
  const of = { config: allow("admin"), tags: ["operations"] };
  const filters = { actor: word.optional(), action: word.optional(), subject: word.optional() };
  sortedListRoute(api, "/audit", {
    ...of,
    summary: "What people did, newest first",
    querystring: paging.extend({ ...filters, sort: sortIn(auditOrders) }),
    item: entry,
    orders: auditOrders,
    read: ({ filter, order, limit }, request) =>
      listAudit(reading, { ...filter, client: callerOf(request).client, order, limit }),
    toItem: (row) => ({ ...row, at: row.at.toISOString() }),
  });
  totalsRoute(api, "/audit", {
    ...{ ...of, summary: "How many entries the same filters leave, and by how many people", filters },
    answer: auditTotals,
    read: (filter, request) => countAudit(reading, { ...filter, client: callerOf(request).client }),
  });
}
