import { z } from "zod";
import { nearest } from "../../core/nearest.ts";
import { listChoices, seatIsNamed } from "../../queries/rtb/facets.ts";
import { creativeSorts, tiers, type CreativeRow } from "../../queries/rtb/creative-shapes.ts";
import { findCreative } from "../../queries/rtb/find-creative.ts";
import { countCreatives } from "../../queries/rtb/list-creatives.ts";
import { mergeCreatives, SeveralSeats } from "../../queries/rtb/merge-creatives.ts";
import { creativeName } from "../../rules/rtb/creative-names.ts";
import { daysOf } from "../../queries/rtb/metrics.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { languageTag, pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { totalsRoute } from "../server/sorted-list.ts";
import { iso, number } from "../server/shapes.ts";
import type { CreativeLists } from "./creative-lists.ts";
import { found, given, listed, placeIn, toListed, withSize } from "./creative-shapes.ts";
import { readUpToToday } from "./day.ts";
import { creativeDaysRoute } from "./creative-days.ts";
import { oneCreative } from "./one-creative.ts";
import {
  assertUnique,
  counted,
  creativeId,
  days,
  figures,
  geography,
  merged,
  mostMerged,
  period,
  seatOfCreative,
} from "./shapes.ts";
import { toThumbnail } from "./thumbnail-shapes.ts";
import { noTopGeography } from "./top-geographies.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const mergeBytes = 33_554_432;

const yesNo = z.enum(["true", "false"]).default("false");

/** Creatives with what they brought. */
export function rtbCreativeRoutes(api: Api, parts: ServerParts, lists: CreativeLists): void {
  creativesRoute(api, parts, lists);
  creativeTotalsRoute(api, parts);
  creativeRoute(api, parts);
  creativeDaysRoute(api, parts);
  mergeRoute(api, parts);
}

const filters = {
  period,
  tier: z.enum(tiers).optional(),
  format: word.optional().describe("HTML, VIDEO, NATIVE or another; upper or lower case"),
  geography: geography.optional(),
  buyer_id: word.optional(),
  campaign: number.optional().describe("a campaign's number"),
  advertiser: word.optional().describe("upper or lower case"),
  approval: word.optional().describe("APPROVED, DISAPPROVED, PENDING_REVIEW or another"),
  language: languageTag.optional().describe("as detected; `pt` finds `pt_BR`, too"),
  vanished: z.enum(["true", "false"]).optional().describe("whether the exchange lists it no longer"),
};

const toFilter = ({ buyer_id, campaign, vanished, ...filter }: z.output<z.ZodObject<typeof filters>>) => ({
  ...filter,
  buyerId: buyer_id,
  campaignId: campaign,
  vanished: vanished === undefined ? undefined : vanished === "true",
});

export const creativeTotals = z.object({ ...days, creatives: z.number(), ...figures });

function creativeTotalsRoute(api: Api, parts: ServerParts): void {
  totalsRoute(api, "/creatives", {
    config: readers,
    tags: ["creatives"],
    summary: "How many creatives the same filters leave, and what they brought in the period",
    filters,
    answer: creativeTotals,
    read: async (asked, request) => {
      const { client } = callerOf(request);
      await assertChoices(parts, client, asked);
      const { asOf, found: totals } = await readUpToToday(parts, client, (day) =>
        countCreatives(parts.reading, { ...toFilter(asked), client, asOf: day }),
      );
      return { period: asked.period, ...daysOf(asked.period, asOf), ...counted(totals) };
    },
  });
}

function creativesRoute(api: Api, parts: ServerParts, lists: CreativeLists): void {
  api.get(
    "/creatives",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "Creatives with their performance, the greatest spend first",
        description:
          "Sorted by spend (the greatest first), by cpc or cpm (the cheapest first, those without a ratio last) or by id. With `geography`, only creatives with performance in that country in the period are listed, and spend, impressions, clicks, cpc, cpm, trend and order are those of that country; tier and top geography stay those of the whole creative.",
        querystring: paging.extend({
          ...filters,
          sort: z.enum(creativeSorts).default("spend"),
          slim: yesNo.describe("leaves out markup, VAST, addresses and attributes"),
        }),
        response: { 200: pageOf(listed) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      await assertChoices(parts, client, request.query);
      const { limit, cursor, slim, sort, ...asked } = request.query;
      const filter = toFilter(asked);
      const after = readCursor(cursor, placeIn[sort][filter.period]);
      const { asOf, rows, tops } = await lists.listCreatives({
        ...filter,
        client,
        sort,
        slim: slim === "true",
        after,
        limit: limit + 1,
      });
      const consents = parts.config.thumbnails.consenting.has(client);
      const shown = { period: filter.period, ...daysOf(filter.period, asOf) };
      return toPage(
        rows,
        limit,
        (row) => ({ sort, period: filter.period, place: row.place, id: row.id }),
        (row) => toListed(row, shown, { top: tops.get(row.id) ?? noTopGeography, consents }),
      );
    },
  );
}

const usual = {
  approval: ["APPROVED", "DISAPPROVED", "PENDING_REVIEW"],
  format: ["HTML", "VIDEO", "NATIVE"],
};

/** An empty list would say that there is nothing of it, where a word is only mistyped. */
async function assertChoices(
  { reading }: Pick<ServerParts, "reading">,
  client: string,
  asked: { buyer_id?: string | undefined; approval?: string | undefined; format?: string | undefined },
): Promise<void> {
  const { buyer_id: buyerId } = asked;
  if (buyerId !== undefined && !(await seatIsNamed(reading, { client, buyerId }))) throw notFound("seat");
  for (const field of ["approval", "format"] as const) {
    const value = asked[field]?.toUpperCase();
    if (value === undefined || usual[field].includes(value)) continue;
    const known = await listChoices(reading, { client, field });
    if (known.includes(value)) continue;
    const choices = [...new Set([...usual[field], ...known])];
    const meant = nearest(value, choices) ?? choices.find((one) => one.includes(value) || value.includes(one));
    const hint = meant === undefined ? `it is one of ${choices.slice(0, 20).join(", ")}` : `did you mean ${meant}?`;
    throw new ApiError("validation_error", `no creative has this ${field}: ${hint}`, { [field]: hint });
  }
}

function creativeRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/creatives/:id",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "One creative with its performance in every period and its campaigns",
        params: z.object({ id: creativeId }),
        querystring: z.object({ buyer_id: seatOfCreative }),
        response: { 200: found },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const id = await oneCreative(parts.reading, {
        client,
        creativeId: request.params.id,
        buyerId: request.query.buyer_id,
      });
      const { asOf, found: row } = await readUpToToday(parts, client, (day) =>
        findCreative(parts.reading, { client, id, asOf: day }),
      );
      if (row === null) throw notFound("creative");
      return {
        ...row,
        ...dated(row),
        ...toThumbnail(row, parts.config.thumbnails.consenting.has(client)),
        performance: row.performance.map((one) => ({ ...counted(one), ...daysOf(one.period, asOf) })),
      };
    },
  );
}

function mergeRoute(api: Api, { database }: ServerParts): void {
  api.put(
    "/creatives",
    {
      config: keepers,
      bodyLimit: mergeBytes,
      schema: {
        tags: ["creatives"],
        summary: "Merges creatives by seat and id; the same call again changes nothing",
        description:
          "An item without `buyerId` is the one creative of its id; the first seat that is named for a creative without one is its seat. What is left out of an item stays as it is, null takes it away. A creative that only a file had named is a stub no longer. Without `canonicalSize`, a new width and height make one.",
        body: z.object({ items: z.array(given).min(1).max(mostMerged) }),
        response: { 200: merged },
      },
    },
    async (request) => {
      const { items } = request.body;
      const { client } = callerOf(request);
      assertUnique(items.map(({ buyerId, creativeId: id }) => (buyerId == null ? id : creativeName(buyerId, id))));
      try {
        return await mergeCreatives(database, { client, origin: "real", rows: items.map(withSize) });
      } catch (error) {
        if (!(error instanceof SeveralSeats)) throw error;
        throw new ApiError("conflict", error.message);
      }
    },
  );
}

function dated(row: Pick<CreativeRow, "createdAt" | "updatedAt" | "lastSeenAt" | "vanishedAt">) {
  return {
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    lastSeenAt: iso(row.lastSeenAt),
    vanishedAt: iso(row.vanishedAt),
  };
}
