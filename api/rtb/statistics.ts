import { z } from "zod";
import { readFacets } from "../../queries/rtb/facets.ts";
import { listSizes, readRtbStats } from "../../queries/rtb/statistics.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { money, text } from "../server/shapes.ts";
import { counted, figures } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");

const size = z.object({
  canonicalSize: text,
  sizeCategory: text,
  format: text,
  creatives: z.number(),
  spend: money.describe("of all days, a decimal, rounded to the cent"),
});
const stats = z.object({
  creatives: z.number(),
  stubs: z.number(),
  withPerformance: z.number(),
  seats: z.number(),
  campaigns: z.number(),
  rows: z.number().describe("records of performance"),
  firstDay: text,
  lastDay: text,
  ...figures,
});

const facet = z.object({ value: z.string(), creatives: z.number() });
export const facets = z
  .object({
    advertisers: z.array(facet),
    approvals: z.array(facet),
    formats: z.array(facet),
    languages: z.array(facet),
    seats: z.array(facet.extend({ name: text })),
    campaigns: z.array(facet.extend({ name: z.string() })).describe("by name"),
  })
  .describe("200 of each at most");

/** How much of everything there is. */
export function rtbStatisticsRoutes(api: Api, { reading }: ServerParts): void {
  api.get(
    "/sizes",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "The sizes of creatives, the most frequent first",
        response: { 200: z.object({ items: z.array(size) }) },
      },
    },
    async (request) => ({ items: await listSizes(reading, { client: callerOf(request).client }) }),
  );

  api.get(
    "/stats",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "Counts of creatives, seats, campaigns and records",
        response: { 200: stats },
      },
    },
    async (request) => counted(await readRtbStats(reading, { client: callerOf(request).client })),
  );

  api.get(
    "/facets",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "What creatives can be filtered by, and how many there are of each",
        response: { 200: facets },
      },
    },
    async (request) => readFacets(reading, { client: callerOf(request).client }),
  );
}
