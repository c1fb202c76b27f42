import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { readSettling } from "../../queries/sync/settling.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { zoneOf } from "../server/zone.ts";

const share = z.number().nullable();
const row = z.object({
  source: z.string(),
  weekday: z.number().nullable().describe("1 is Monday; null for all days"),
  days: z.number(),
  after1h: share.describe(
    "the middle share of the final total that was known so long after the day's end; null: days were not read by then",
  ),
  after6h: share,
  after1d: share,
  after2d: share,
  after3d: share,
  after7d: share,
});

/** How days come to what they are in the end. */
export function settlingRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/freshness/settling",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["operations"],
        summary:
          "How each source's days settle: the share of the final total known after 1 h, 6 h, 1, 2, 3 and 7 days, and the lookback that this asks for",
        response: {
          200: z.object({
            sources: z.array(
              row.extend({
                lookback: z.object({
                  days: z
                    .number()
                    .nullable()
                    .describe("after so many days 95 of 100 days changed no more; null with too few days"),
                  of: z.number(),
                  isCut: z.boolean().describe("days still changed when they were last looked at"),
                }),
              }),
            ),
            weekdays: z.array(row),
          }),
        },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      return readSettling(parts.reading, { client, today: dayAt(new Date(), zoneOf(parts, client)) });
    },
  );
}
