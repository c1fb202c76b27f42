import { z } from "zod";
import { addDays, dayAt } from "../../core/days.ts";
import { outlookMetrics, readOutlook } from "../../queries/cost/outlook.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { storedOrigin, text } from "../server/shapes.ts";
import { zoneOf } from "../server/zone.ts";

const figure = z.string().nullable().meta({ pattern: "^-?\\d+(\\.\\d{2})?$" });

/** Where the figures of days that are not final end. */
export function outlookRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/outlook",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["cost"],
        summary:
          "Today's and yesterday's CPA, cost, conversions and revenue as they are known, and the range in which 80 % of such days ended",
        response: {
          200: z.object({
            today: z.string().describe("by the client's calendar"),
            items: z.array(
              z.object({
                day: z.string(),
                metric: z.enum(outlookMetrics),
                currency: z.string(),
                origin: storedOrigin,
                known: figure,
                low: figure,
                high: figure,
                days: z.number().describe("past days that were read at the same age"),
                hits: z
                  .number()
                  .describe("of `tried` past days: how many the range of the days before them would have held"),
                tried: z.number(),
                finalInDays: z
                  .number()
                  .nullable()
                  .describe("until 95 of 100 such days changed no more; null with too few to say"),
                note: text.describe("why there is no range"),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const today = dayAt(new Date(), zoneOf(parts, client));
      return { today, items: await readOutlook(parts.reading, { client, today, days: [today, addDays(today, -1)] }) };
    },
  );
}
