import { z } from "zod";
import { cents } from "../../core/money.ts";
import { readFreshness } from "../../queries/sync/freshness.ts";
import { countQuarantine, listQuarantine, quarantineOrders } from "../../queries/sync/list-quarantine.ts";
import { countRestatements, listRestatements, restatementOrders } from "../../queries/sync/list-restatements.ts";
import { countRuns, findRun, listRuns, runOrders } from "../../queries/sync/list-runs.ts";
import { listSlices } from "../../queries/sync/list-slices.ts";
import { countReceipts, findReceiptOf, listReceipts, receiptOrders } from "../../queries/sync/receipt-lists.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { listRoute } from "../server/list-route.ts";
import { day, inOrder, orderError, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { gridRoute } from "./grid.ts";
import { settlingRoute } from "./settling.ts";
import { startRoutes } from "./start-runs.ts";
import { steeringRoutes } from "./steer-runs.ts";
import { alertRoutes } from "../ops/alerts.ts";
import { auditRoutes } from "../ops/audit.ts";
import { flag, isTrue, iso, number as id } from "../server/shapes.ts";
import {
  foundReceipt,
  freshness,
  quarantined,
  quarantineTotals,
  receipt,
  receiptTotals,
  restatement,
  restatementTotals,
  run,
  runFailure,
  runTotals,
  slice,
  toFoundReceipt,
  toReceipt,
  toRestatement,
  toRun,
} from "./shapes.ts";

const config = allow("admin", "operator", "analyst");
const tags = ["operations"];

const range = z.object({ source: word.optional(), from: day.optional(), to: day.optional() });
const ofSlice = { source: word.optional(), day: day.optional() };

/** What the pipeline did and knows, for the client of the token. */
export function operationsRoutes(api: Api, parts: ServerParts): void {
  dayRoutes(api, parts);
  gridRoute(api, parts);
  settlingRoute(api, parts);
  runRoutes(api, parts);
  ledgerRoutes(api, parts);
  restatementRoutes(api, parts);
  quarantineRoutes(api, parts);
  alertRoutes(api, parts, { tags });
  auditRoutes(api, parts);
  startRoutes(api, parts);
  steeringRoutes(api, parts);
}

function dayRoutes(api: Api, { reading }: ServerParts): void {
  listRoute(api, "/freshness", {
    config,
    tags,
    summary: "Per source and day: final or not, when loaded, rows and sum",
    querystring: paging.extend(range.shape).refine(inOrder, orderError),
    item: freshness,
    place: z.object({ day, source: word }),
    read: ({ filter, after, limit }, request) =>
      readFreshness(reading, { ...filter, client: callerOf(request).client, after, limit }),
    placeOf: (row) => ({ day: row.day, source: row.source }),
    toItem: (row) => ({ ...row, loadedAt: iso(row.loadedAt), total: cents(row.total) }),
  });

  listRoute(api, "/slices", {
    config,
    tags,
    summary: "The ledger: each slice as it is now",
    querystring: paging.extend({ ...range.shape, failed: flag }).refine(inOrder, orderError),
    item: slice,
    place: z.object({ day, source: word, slice: word }),
    read: ({ filter, after, limit }, request) =>
      listSlices(reading, {
        ...filter,
        client: callerOf(request).client,
        failed: isTrue(filter.failed),
        after,
        limit,
      }),
    placeOf: (row) => ({ day: row.day, source: row.source, slice: row.slice }),
    toItem: (row) => ({
      ...row,
      total: cents(row.total),
      fetchedAt: iso(row.fetchedAt),
      failedAt: iso(row.failedAt),
    }),
  });
}

function runRoutes(api: Api, { reading }: ServerParts): void {
  const filters = {
    source: word.optional(),
    outcome: z.enum(["running", "completed", "failed", "cancelled", "recovered"]).optional(),
  };
  sortedListRoute(api, "/runs", {
    config,
    tags,
    summary: "Runs, newest first",
    querystring: paging.extend({ ...filters, sort: sortIn(runOrders) }),
    item: run,
    orders: runOrders,
    read: ({ filter, order, limit }, request) =>
      listRuns(reading, { ...filter, client: callerOf(request).client, order, limit }),
    toItem: toRun,
  });
  totalsRoute(api, "/runs", {
    ...{ config, tags, summary: "How many runs the same filters leave, and what they came to", filters },
    answer: runTotals,
    read: (filter, request) => countRuns(reading, { ...filter, client: callerOf(request).client }),
  });

  api.get(
    "/runs/:id",
    {
      config,
      schema: {
        tags,
        summary: "One run, with its failed slices",
        params: z.object({ id: word }),
        response: { 200: run.extend({ failures: z.array(runFailure) }) },
      },
    },
    async (request) => {
      const found = await findRun(reading, { client: callerOf(request).client, runId: request.params.id });
      if (found === null) throw notFound("run");
      const failures = found.failures.map((failure) => ({
        ...failure,
        failedAt: failure.failedAt.toISOString(),
        recoveredAt: iso(failure.recoveredAt),
      }));
      return { ...toRun(found), failures };
    },
  );
}

function ledgerRoutes(api: Api, { reading }: ServerParts): void {
  const filters = { ...ofSlice, runId: word.optional() };
  sortedListRoute(api, "/receipts", {
    config,
    tags,
    summary: "Receipts: what each fetch of a slice found and changed",
    querystring: paging.extend({ ...filters, sort: sortIn(receiptOrders) }),
    item: receipt,
    orders: receiptOrders,
    read: ({ filter, order, limit }, request) =>
      listReceipts(reading, { ...filter, client: callerOf(request).client, order, limit }),
    toItem: toReceipt,
  });
  totalsRoute(api, "/receipts", {
    ...{ config, tags, summary: "How many receipts the same filters leave, and what they wrote", filters },
    answer: receiptTotals,
    read: (filter, request) => countReceipts(reading, { ...filter, client: callerOf(request).client }),
  });

  api.get(
    "/receipts/:id",
    {
      config,
      schema: {
        tags,
        summary: "One receipt, beside the reading before it and what its day rests on now",
        params: z.object({ id }),
        response: { 200: foundReceipt },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, receiptId: request.params.id };
      const found = await findReceiptOf(reading, of);
      if (found === null) throw notFound("receipt");
      return toFoundReceipt(found);
    },
  );
}

function restatementRoutes(api: Api, { reading }: ServerParts): void {
  const filters = {
    ...ofSlice,
    kind: z.enum(["first", "changed", "withdrawn"]).optional(),
    runId: word.optional(),
    receiptId: id.optional(),
    since: z.iso.datetime({ offset: true }).optional().describe("recorded after this instant"),
  };
  sortedListRoute(api, "/restatements", {
    config,
    tags,
    summary: "First values and every change since, row by row",
    querystring: paging.extend({ ...filters, sort: sortIn(restatementOrders) }),
    item: restatement,
    orders: restatementOrders,
    read: ({ filter, order, limit }, request) =>
      listRestatements(reading, { ...filter, client: callerOf(request).client, order, limit }),
    toItem: toRestatement,
  });
  totalsRoute(api, "/restatements", {
    ...{ config, tags, summary: "How many of them the same filters leave, by their kind", filters },
    answer: restatementTotals,
    read: (filter, request) => countRestatements(reading, { ...filter, client: callerOf(request).client }),
  });
}

function quarantineRoutes(api: Api, { reading }: ServerParts): void {
  const filters = {
    ...ofSlice,
    state: z.enum(["open", "resolved"]).optional(),
    slice: word.optional().describe("of an imported file `file/` and its number"),
  };
  const toFilter = ({ state, ...filter }: z.output<z.ZodObject<typeof filters>>) => ({
    ...filter,
    open: state === undefined ? undefined : state === "open",
  });
  sortedListRoute(api, "/quarantine", {
    config,
    tags,
    summary: "Quarantined rows, and why",
    querystring: paging.extend({ ...filters, sort: sortIn(quarantineOrders) }),
    item: quarantined,
    orders: quarantineOrders,
    read: ({ filter, order, limit }, request) =>
      listQuarantine(reading, { ...toFilter(filter), client: callerOf(request).client, order, limit }),
    toItem: (row) => ({
      ...row,
      amount: row.amount === null ? null : cents(row.amount),
      firstSeenAt: row.firstSeenAt.toISOString(),
      lastSeenAt: row.lastSeenAt.toISOString(),
      resolvedAt: iso(row.resolvedAt),
    }),
  });
  totalsRoute(api, "/quarantine", {
    ...{ config, tags, summary: "How many rows the same filters leave", filters },
    answer: quarantineTotals,
    read: (filter, request) => countQuarantine(reading, { ...toFilter(filter), client: callerOf(request).client }),
  });
}
