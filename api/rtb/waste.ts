import type { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { seatIsKnown } from "../../queries/rtb/seats.ts";
import { readSizeCoverage, readWaste, type WasteQuestion } from "../../queries/rtb/waste.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { allGroupsQuery, coverageAnswer, toCoverage, toWaste, wasteAnswer, wasteQuery } from "./waste-shapes.ts";

const readers = allow("admin", "operator", "analyst");

/** Where bid requests are lost, and which sizes they ask for that there is no creative of. */
export function wasteRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  api.get(
    "/analytics/waste",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary:
          "The way from possible queries to impressions with its rates, and waste by country, publisher and hour",
        description:
          "From the reports of Authorized Buyers that were imported. Each rate is a ratio of sums, in percent. What no report of these days says is null, and `missing` says why. No figures of two reports are added.",
        querystring: allGroupsQuery,
        response: { 200: wasteAnswer },
      },
    },
    async (request) => {
      const { question, frame } = await questionOf(parts, callerOf(request).client, request.query);
      return toWaste(await readWaste(reading, question), frame, request.query.groups);
    },
  );
  api.get(
    "/analytics/size-coverage",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "Sizes that are asked for, and how many creatives there are of each: good, low, none or excess",
        description:
          "Requests by size are the bidder's own (`POST /traffic`): no report of Google's has them. Without them coverage is `unknown`.",
        querystring: wasteQuery,
        response: { 200: coverageAnswer },
      },
    },
    async (request) => {
      const { question, frame } = await questionOf(parts, callerOf(request).client, request.query);
      return toCoverage(await readSizeCoverage(reading, question), frame);
    },
  );
}

async function questionOf(
  { config, reading }: Pick<ServerParts, "config" | "reading">,
  client: string,
  { buyer_id, days, to }: z.output<typeof wasteQuery>,
) {
  const buyerId = buyer_id ?? null;
  const settings = config.ingest.clients.get(client);
  if (buyerId !== null && !(await seatIsKnown(reading, { client, buyerId }))) throw notFound("seat");
  const timezone = settings?.reportZone ?? "UTC";
  const question: WasteQuestion = {
    client,
    buyerId,
    days,
    to: to ?? dayAt(new Date(), timezone),
    spendReport: settings?.spendReport ?? "bids_in_auction",
  };
  return {
    question,
    frame: { buyerId, days, timezone, currency: settings?.currency ?? "USD", spendReport: question.spendReport },
  };
}
