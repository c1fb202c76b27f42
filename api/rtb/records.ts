import { z } from "zod";
import { readMetrics } from "../../queries/rtb/metrics.ts";
import { allow, callerOf } from "../server/access.ts";
import { day, pageOf, paging, readCursor, toPage } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { money } from "../server/shapes.ts";
import { oneCreative } from "./one-creative.ts";
import { counted, creativeId, geography, seatOfCreative } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");

export const record = z.object({
  date: z.string(),
  hour: z.number().nullable().describe("null for a record of the whole day"),
  geography: z.string().nullable(),
  deviceType: z.string().nullable(),
  placement: z.string().nullable(),
  impressions: z.number(),
  clicks: z.number(),
  spend: money,
  spendExact: z.string().describe("the same with every digit: one record may have spent less than a cent"),
  cpc: z.string().nullable().describe("spend by clicks, four places; null without clicks"),
  cpm: z.string().nullable().describe("spend per thousand impressions, four places; null without impressions"),
  fileId: z.number().describe("the file that wrote it"),
});

const part = z
  .string()
  .max(1_000)
  .regex(/^[^\u0000]*$/);
const recordPlace = z.object({
  date: day,
  hour: z.number().int().min(-1).max(23),
  geography: part,
  deviceType: part,
  placement: part,
});

/** The records that imported files left of a creative. */
export function recordRoutes(api: Api, { reading }: ServerParts): void {
  api.get(
    "/performance/metrics/:creative_id",
    {
      config: readers,
      schema: {
        tags: ["performance files"],
        summary: "The records of one creative, the newest first",
        params: z.object({ creative_id: creativeId }),
        querystring: paging
          .extend({
            start_date: day.optional(),
            end_date: day.optional(),
            geography: geography.optional(),
            buyer_id: seatOfCreative,
          })
          .refine(({ start_date: from, end_date: to }) => from === undefined || to === undefined || from <= to, {
            path: ["start_date"],
            error: "must not be after `end_date`",
          }),
        response: { 200: pageOf(record) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { creative_id: creative } = request.params;
      const { limit, cursor, start_date: from, end_date: to, geography: country } = request.query;
      const after = readCursor(cursor, recordPlace);
      const id = await oneCreative(reading, { client, creativeId: creative, buyerId: request.query.buyer_id });
      const rows = await readMetrics(reading, { client, id, from, to, geography: country, after, limit: limit + 1 });
      return toPage(
        rows,
        limit,
        (row) => ({
          date: row.date,
          hour: row.hour ?? -1,
          geography: row.geography ?? "",
          deviceType: row.deviceType ?? "",
          placement: row.placement ?? "",
        }),
        (row) => ({ ...counted(row), spendExact: row.spend }),
      );
    },
  );
}
