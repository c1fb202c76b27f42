import { z } from "zod";
import { addDays, dayAt } from "../../core/days.ts";
import { readLastTieOut } from "../../queries/findings/refresh-tie-out.ts";
import {
  countTieOut,
  listTieOut,
  listTieOutDays,
  sumTieOutDays,
  tieOutDayOrders,
  tieOutOrders,
} from "../../queries/findings/tie-out.ts";
import { tieOutDifferences, tieOutWorkflowId } from "../../rules/findings/tie-out.ts";
import type { tieOut } from "../../workflows/findings/tie-out.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError } from "../server/errors.ts";
import { day, fewDays, inOrder, orderError, paging, tooManyDays, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { collectorOf, resendRoute } from "./resend.ts";
import { tieOutDay, tieOutItem, tieOutLast, tieOutSums, tieOutTotals, toDay, toItem } from "./tie-out-shapes.ts";

const readers = allow("admin", "operator", "analyst");
const tags = ["findings"];
const zone = "America/New_York";
const daysShown = 30;
const range = {
  from: day.optional().describe(`left out: ${daysShown} days up to \`to\``),
  to: day.optional().describe(`left out: today in ${zone}, whose days conversions are counted by`),
  affiliate: word.optional().describe("Everflow's id of the affiliate"),
};
const filters = { ...range, difference: z.enum(tieOutDifferences).optional() };

/** What Redtrack, AnyTrack and Everflow say of the same conversions. */
export function tieOutRoutes(api: Api, parts: ServerParts): void {
  dayRoutes(api, parts);
  const { reading } = parts;
  const filterOf = (client: string, { difference, ...given }: z.output<z.ZodObject<typeof filters>>) => ({
    ...{ client, difference: difference ?? null },
    ...rangeOf(given),
  });
  sortedListRoute(api, "/tie-out", {
    config: readers,
    tags,
    summary: "Conversions that AnyTrack and Everflow do not both have alike, one by one, with who says what",
    querystring: paging.extend({ ...filters, sort: sortIn(tieOutOrders) }),
    item: tieOutItem,
    orders: tieOutOrders,
    read: async ({ filter, order, limit }, request) => {
      const { client } = callerOf(request);
      const rows = await listTieOut(reading, filterOf(client, filter), { order, limit });
      return rows.map((row) => ({ ...toItem(collectorOf(parts, client))(row), inOrder: row.inOrder }));
    },
    toItem: (item) => item,
  });
  totalsRoute(api, "/tie-out", {
    config: readers,
    tags,
    summary: "How many conversions differ, by how, and what is at stake in each currency",
    filters,
    answer: tieOutTotals,
    read: (filter, request) => countTieOut(reading, filterOf(callerOf(request).client, filter)),
  });
  compareRoutes(api, parts);
  resendRoute(api, parts);
}

function rangeOf(given: { from?: string | undefined; to?: string | undefined; affiliate?: string | undefined }) {
  const { to = dayAt(new Date(), zone), affiliate } = given;
  const { from = addDays(to, 1 - daysShown) } = given;
  for (const [isRight, { path, error }] of [
    [inOrder({ from, to }), orderError],
    [fewDays({ from, to }), tooManyDays],
  ] as const)
    if (!isRight) throw new ApiError("validation_error", "querystring is not valid", { [path[0] ?? ""]: error });
  return { from, to, affiliate: affiliate ?? null };
}

function dayRoutes(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/tie-out/days", {
    config: readers,
    tags,
    summary: "Conversions of Redtrack, AnyTrack and Everflow side by side, per day and affiliate",
    querystring: paging.extend({ ...range, sort: sortIn(tieOutDayOrders) }),
    item: tieOutDay,
    orders: tieOutDayOrders,
    read: ({ filter, order, limit }, request) =>
      listTieOutDays(reading, { client: callerOf(request).client, ...rangeOf(filter) }, { order, limit }),
    toItem: toDay,
  });
  totalsRoute(api, "/tie-out/days", {
    config: readers,
    tags,
    summary: "What the three count in all, how many are in all, in two and in one, and what is missing where",
    filters: range,
    answer: tieOutSums,
    read: async (filter, request) => ({
      items: await sumTieOutDays(reading, { client: callerOf(request).client, ...rangeOf(filter) }),
    }),
  });
}

function compareRoutes(api: Api, parts: ServerParts): void {
  api.get(
    "/tie-out/comparison",
    {
      config: readers,
      schema: {
        tags,
        summary: "When conversions were last compared; null before the first time",
        response: { 200: z.object({ last: tieOutLast.nullable() }) },
      },
    },
    async (request) => {
      const stored = await readLastTieOut(parts.reading, callerOf(request));
      if (stored === null) return { last: null };
      const { endedAt, ...last } = stored;
      return { last: { ...last, at: endedAt.toISOString() } };
    },
  );
  api.post(
    "/tie-out/comparison",
    {
      config: allow("admin", "operator"),
      schema: {
        tags,
        summary: "Compares now what has changed; it also happens by itself, every ten minutes",
        response: {
          200: z.object({ workflowId: z.string(), changed: z.number(), compared: z.number() }),
          202: z.object({ workflowId: z.string() }),
        },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const outcome = await runWorkflow<Awaited<ReturnType<typeof tieOut>>>(parts, {
        type: "tieOut",
        workflowId: tieOutWorkflowId(client),
        client,
        input: { client },
        summary: `Redtrack, AnyTrack and Everflow side by side, client ${client}, by hand`,
        again: true,
      });
      const { workflowId } = outcome;
      if (!outcome.done) return reply.code(202).send({ workflowId });
      const { changed, compared } = outcome.result;
      return reply.code(200).send({ workflowId, changed, compared });
    },
  );
}
