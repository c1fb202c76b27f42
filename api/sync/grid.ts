import { z } from "zod";
import { readFeeds } from "../../queries/sync/feeds.ts";
import { readSourceFreshness } from "../../queries/sync/freshness.ts";
import { gridSorts, inOrderOfDays, readGrid } from "../../queries/sync/freshness-grid.ts";
import { lateSources } from "../../rules/sync/lateness.ts";
import { allow, callerOf } from "../server/access.ts";
import { day, fewDays, inOrder, orderError, tooManyDays, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, iso, money, storedOrigin } from "../server/shapes.ts";

export const feed = z.object({
  source: z.string(),
  timezone: z.string(),
  coveredFrom: z.string().nullable().describe("the first day that scheduled runs answer for"),
  isPulled: z.boolean(),
  late: z.string().nullable().describe("why it should have been read by now, or has a day that should be final"),
});
export const cell = z.object({
  source: z.string(),
  day: z.string(),
  state: z
    .enum(["final", "provisional", "partial", "failed", "missing"])
    .nullable()
    .describe("null where nothing is expected"),
  reason: z.string().nullable(),
  receiptId: z.number().nullable(),
  loadedAt: instant.nullable(),
  rows: z.number(),
  total: money,
  quarantined: z.number().describe("rows of the day in quarantine"),
  origin: storedOrigin.nullable().describe("null where nothing was read"),
});

/** Every day of every feed at a glance: what is there, what is not, and why. */
export function gridRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/freshness/grid",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["operations"],
        summary: "Every day of a range of every feed: final, provisional, partial, failed or missing",
        querystring: z
          .object({
            ...{ from: day, to: day, source: word.optional() },
            sort: z
              .enum(gridSorts)
              .default("-day")
              .describe("by day, or by how many of its feeds are not final; with a minus from the greatest"),
          })
          .refine(inOrder, orderError)
          .refine(fewDays, tooManyDays),
        response: { 200: z.object({ from: z.string(), to: z.string(), feeds: z.array(feed), items: z.array(cell) }) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const [feeds, freshness, items] = await Promise.all([
        readFeeds(reading, client),
        readSourceFreshness(reading, { client }),
        readGrid(reading, { ...request.query, client }),
      ]);
      const late = lateSources(freshness, new Date());
      const { from, to, sort } = request.query;
      return {
        from,
        to,
        feeds: feeds.map((one) => ({
          ...one,
          late: late.find(({ source }) => source === one.source)?.reason ?? null,
        })),
        items: inOrderOfDays(items, sort).map((item) => ({ ...item, loadedAt: iso(item.loadedAt) })),
      };
    },
  );
}
