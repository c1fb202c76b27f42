import { z } from "zod";
import { readImportDays } from "../../queries/files/import-days.ts";
import { allow, callerOf } from "../server/access.ts";
import { fewDays, tooManyDays, day, inOrder, orderError, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, iso, money, storedOrigin } from "../server/shapes.ts";
import { zoneOf } from "../server/zone.ts";

export const importFeed = z.object({
  mapping: z.string().describe("how its files are read"),
  firstDay: z.string().nullable(),
  lastDay: z.string().nullable(),
  late: z.string().nullable().describe("why a file should be there by now"),
});
export const importDay = z.object({
  mapping: z.string(),
  day: z.string(),
  state: z
    .enum(["final", "provisional", "partial", "failed", "missing"])
    .nullable()
    .describe("null where no file is expected"),
  reason: z.string().nullable(),
  fileIds: z.array(z.number()).describe("the files that hold rows of the day, or the one that was refused"),
  rows: z.number().describe("that the table holds of these files"),
  spend: money,
  rejected: z.number().describe("rejected lines of these files that are open"),
  readAt: instant.nullable().describe("when the newest of them was imported"),
  origin: storedOrigin
    .nullable()
    .describe("sandbox where any of these files is of made-up creatives; null where none holds the day"),
});

/** Which days files of ad performance have, and which are missing. */
export function importDaysRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/performance/days",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["performance files"],
        summary:
          "Every day of a range by mapping: what its files hold, and whether one is missing, refused or not final",
        querystring: z
          .object({ from: day, to: day, mapping: word.optional() })
          .refine(inOrder, orderError)
          .refine(fewDays, tooManyDays),
        response: {
          200: z.object({
            from: z.string(),
            to: z.string(),
            timezone: z.string().describe("whose midnight ends a day"),
            feeds: z.array(importFeed),
            items: z.array(importDay),
          }),
        },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { from, to, mapping } = request.query;
      const timezone = zoneOf(parts, client);
      const { feeds, items } = await readImportDays(parts.reading, { client, timezone, now: new Date(), from, to });
      const isAsked = (one: { mapping: string }) => mapping === undefined || one.mapping === mapping;
      return {
        from,
        to,
        timezone,
        feeds: feeds.filter(isAsked),
        items: items.filter(isAsked).map((item) => ({ ...item, fileIds: [...item.fileIds], readAt: iso(item.readAt) })),
      };
    },
  );
}
