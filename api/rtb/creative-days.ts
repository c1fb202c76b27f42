import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { readCreativeDays } from "../../queries/rtb/creative-days.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { zoneOf } from "../server/zone.ts";
import { money } from "../server/shapes.ts";
import { oneCreative } from "./one-creative.ts";
import { creativeId, seatOfCreative } from "./shapes.ts";

export const creativeDays = z.object({
  from: z.string(),
  to: z.string(),
  items: z.array(z.object({ date: z.string(), spend: money.nullable().describe("null on a day without a record") })),
});

/** What one creative spent day by day, up to the client's today. */
export function creativeDaysRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/creatives/:id/days",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["creatives"],
        summary: "What one creative spent, day by day",
        params: z.object({ id: creativeId }),
        querystring: z.object({
          buyer_id: seatOfCreative,
          days: wholeNumber({ most: 400 }).default(30).describe("so many, today among them; 30 when left out"),
        }),
        response: { 200: creativeDays },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { buyer_id: buyerId, days } = request.query;
      const id = await oneCreative(parts.reading, { client, creativeId: request.params.id, buyerId });
      const to = dayAt(new Date(), zoneOf(parts, client));
      const from = addDays(to, 1 - days);
      return { from, to, items: await readCreativeDays(parts.reading, { client, id, from, to }) };
    },
  );
}
