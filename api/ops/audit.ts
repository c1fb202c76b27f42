import { z } from "zod";
import { listAudit } from "../../queries/ops/audit.ts";
import { allow, callerOf } from "../server/access.ts";
import { pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";

const entry = z.object({
  auditId: z.number(),
  at: z.string().describe("an instant in UTC, ISO 8601"),
  actor: z.string().describe("the subject of a token, `affiliate/<id>`, or `cli:<os user>` from the command line"),
  role: z.string().nullable().describe("the role of the token; null from the command line"),
  action: z.string(),
  subject: z.string().describe("what was acted upon"),
  details: z.unknown(),
});

/** Who did what by hand. It can be read here and nowhere changed. */
export function auditRoutes(api: Api, { reading }: ServerParts): void {
  api.get(
    "/audit",
    {
      config: allow("admin"),
      schema: {
        tags: ["operations"],
        summary: "Who did what by hand, newest first",
        querystring: paging.extend({
          actor: word.optional(),
          action: word.optional(),
          subject: word.optional(),
        }),
        response: { 200: pageOf(entry) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const rows = await listAudit(reading, {
        ...filter,
        client: callerOf(request).client,
        beforeId: readCursor(cursor, z.number().int().min(1)),
        limit: limit + 1,
      });
      return toPage(
        rows,
        limit,
        (row) => row.auditId,
        (row) => ({ ...row, at: row.at.toISOString() }),
      );
    },
  );
}
