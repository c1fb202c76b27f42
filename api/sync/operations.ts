import { z } from "zod";
import { cents } from "../../core/money.ts";
import { readFreshness } from "../../queries/sync/freshness.ts";
import {
  findReceiptOf,
  findRun,
  listQuarantine,
  listReceipts,
  listRestatements,
  listRuns,
  listSlices,
} from "../../queries/sync/operations.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { listRoute } from "../server/list-route.ts";
import { day, inOrder, orderError, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { gridRoute } from "./grid.ts";
import { startRoutes } from "./start-runs.ts";
import { steeringRoutes } from "./steer-runs.ts";
import { alertRoutes } from "../ops/alerts.ts";
import { auditRoutes } from "../ops/audit.ts";
import { flag, isTrue, iso, number as id } from "../server/shapes.ts";
import {
  foundReceipt,
  freshness,
  quarantined,
  receipt,
  restatement,
  run,
  runFailure,
  slice,
  toFoundReceipt,
  toReceipt,
  toRestatement,
  toRun,
} from "./shapes.ts";

const config = allow("admin", "operator", "analyst");
const tags = ["operations"];

const range = z.object({ source: word.optional(), from: day.optional(), to: day.optional() });
const ofSlice = paging.extend({ source: word.optional(), day: day.optional() });

/** What the pipeline did and knows, for the client of the token. */
export function operationsRoutes(api: Api, parts: ServerParts): void {
  dayRoutes(api, parts);
  gridRoute(api, parts);
  runRoutes(api, parts);
  ledgerRoutes(api, parts);
  quarantineRoute(api, parts);
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
  listRoute(api, "/runs", {
    config,
    tags,
    summary: "Runs, newest first",
    querystring: paging.extend({
      source: word.optional(),
      outcome: z.enum(["running", "completed", "failed", "cancelled", "recovered"]).optional(),
    }),
    item: run,
    place: z.object({ startedAt: z.iso.datetime({ precision: 6 }), runId: word }),
    read: ({ filter, after, limit }, request) =>
      listRuns(reading, { ...filter, client: callerOf(request).client, after, limit }),
    placeOf: (row) => ({ startedAt: row.place, runId: row.runId }),
    toItem: toRun,
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
  listRoute(api, "/receipts", {
    config,
    tags,
    summary: "Receipts: what each fetch of a slice found and changed",
    querystring: ofSlice.extend({ runId: word.optional() }),
    item: receipt,
    place: id,
    read: ({ filter, after, limit }, request) =>
      listReceipts(reading, { ...filter, client: callerOf(request).client, afterId: after, limit }),
    placeOf: (row) => row.receiptId,
    toItem: toReceipt,
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

  listRoute(api, "/restatements", {
    config,
    tags,
    summary: "First values and every change since, row by row",
    querystring: ofSlice.extend({
      kind: z.enum(["first", "changed", "withdrawn"]).optional(),
      runId: word.optional(),
      receiptId: id.optional(),
      since: z.iso.datetime({ offset: true }).optional().describe("recorded after this instant"),
    }),
    item: restatement,
    place: id,
    read: ({ filter, after, limit }, request) =>
      listRestatements(reading, { ...filter, client: callerOf(request).client, afterId: after, limit }),
    placeOf: (row) => row.restatementId,
    toItem: toRestatement,
  });
}

function quarantineRoute(api: Api, { reading }: ServerParts): void {
  listRoute(api, "/quarantine", {
    config,
    tags,
    summary: "Quarantined rows, and why",
    querystring: ofSlice.extend({
      state: z.enum(["open", "resolved"]).optional(),
      slice: word.optional().describe("of an imported file `file/` and its number"),
    }),
    item: quarantined,
    place: id,
    read: ({ filter: { state, ...filter }, after, limit }, request) =>
      listQuarantine(reading, {
        ...filter,
        client: callerOf(request).client,
        open: state === undefined ? undefined : state === "open",
        afterId: after,
        limit,
      }),
    placeOf: (row) => row.quarantineId,
    toItem: (row) => ({
      ...row,
      amount: row.amount === null ? null : cents(row.amount),
      firstSeenAt: row.firstSeenAt.toISOString(),
      lastSeenAt: row.lastSeenAt.toISOString(),
      resolvedAt: iso(row.resolvedAt),
    }),
  });
}
