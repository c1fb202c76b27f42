import { z } from "zod";
import { listAudit } from "../../queries/ops/audit.ts";
import { allow, callerOf } from "../server/access.ts";
import { listRoute } from "../server/list-route.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant } from "../server/shapes.ts";

const entry = z.object({
  auditId: z.number(),
  at: instant,
  actor: z
    .string()
    .describe(
      "the subject of a token, `affiliate/<id>`, `cli:<os user>` from the command line, or `temporal:<what Temporal knows>` from its UI",
    ),
  role: z.string().nullable().describe("the role of the token; null from the command line"),
  action: z.string(),
  subject: z.string().describe("what was changed"),
  details: z.unknown(),
});

/** Who did what by hand. It can be read here and nowhere changed. */
export function auditRoutes(api: Api, { reading }: ServerParts): void {
  listRoute(api, "/audit", {
    config: allow("admin"),
    tags: ["operations"],
    summary: "What people did, newest first",
    querystring: paging.extend({ actor: word.optional(), action: word.optional(), subject: word.optional() }),
    item: entry,
    place: z.number().int().min(1),
    read: ({ filter, after, limit }, request) =>
      listAudit(reading, { ...filter, client: callerOf(request).client, beforeId: after, limit }),
    placeOf: (row) => row.auditId,
    toItem: (row) => ({ ...row, at: row.at.toISOString() }),
  });
}
