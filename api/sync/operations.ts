import { isLosslessNumber, parse } from "lossless-json";
import { z } from "zod";
import { cents } from "../../core/money.ts";
import { readFreshness } from "../../queries/sync/freshness.ts";
import {
  findRun,
  listQuarantine,
  listReceipts,
  listRestatements,
  listRuns,
  listSlices,
  type ListedRun,
} from "../../queries/sync/operations.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { day, inOrder, orderError, pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { alertRoutes } from "../ops/alerts.ts";
import { auditRoutes } from "../ops/audit.ts";
import { instant, money } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");

const id = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const range = z.object({ source: word.optional(), from: day.optional(), to: day.optional() });
const ofSlice = paging.extend({ source: word.optional(), day: day.optional() });

const freshness = z.object({
  source: z.string(),
  day: z.string(),
  state: z.enum(["final", "provisional", "failed", "emptied"]),
  loadedAt: instant.nullable(),
  rows: z.number(),
  total: money,
  reconciled: z
    .boolean()
    .nullable()
    .describe("does it add up to the vendor's own total? null when the vendor gives none"),
  failure: z.string().nullable(),
});

const slice = z.object({
  source: z.string(),
  slice: z.string(),
  day: z.string(),
  timezone: z.string(),
  isFinal: z.boolean(),
  outcome: z.string().nullable(),
  rows: z.number(),
  total: money,
  fetchedAt: instant.nullable(),
  receiptId: z.number().nullable(),
  runId: z.string().nullable(),
  failure: z.string().nullable(),
  failureType: z.string().nullable(),
  failedAt: instant.nullable(),
});

const run = z.object({
  runId: z.string(),
  source: z.string(),
  kind: z.string(),
  workflowId: z.string(),
  scheduledFor: instant.nullable(),
  startedAt: instant,
  finishedAt: instant.nullable(),
  outcome: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  planned: z.number(),
  done: z.number(),
  failed: z.number(),
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  withdrawn: z.number(),
  reason: z.string().nullable(),
});

const runFailure = z.object({
  slice: z.string(),
  type: z.string(),
  reason: z.string(),
  failedAt: instant,
  healedAt: instant.nullable(),
});

const receipt = z.object({
  receiptId: z.number(),
  source: z.string(),
  slice: z.string(),
  timezone: z.string(),
  fetchedAt: instant,
  committedAt: instant,
  outcome: z.string(),
  pages: z.number(),
  fetched: z.number(),
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  withdrawn: z.number(),
  setAside: z.number(),
  setAsideTotal: money,
  total: money,
  vendorTotal: money.nullable(),
  contentHash: z.string(),
  runId: z.string(),
  workflowId: z.string(),
  workflowRunId: z.string(),
  attempt: z.number(),
});

const amounts = z
  .record(z.string(), z.unknown())
  .nullable()
  .describe("amounts are decimals with all their digits: the ledger keeps what is below a cent");
const restatement = z.object({
  restatementId: z.number(),
  source: z.string(),
  slice: z.string(),
  rowKey: z.record(z.string(), z.unknown()),
  kind: z.string(),
  old: amounts,
  new: amounts,
  runId: z.string(),
  recordedAt: instant,
});

const quarantined = z.object({
  quarantineId: z.number(),
  source: z.string(),
  slice: z.string(),
  line: z.number().nullable(),
  reason: z.string(),
  amount: money.nullable(),
  content: z.string(),
  firstSeenAt: instant,
  lastSeenAt: instant,
  resolvedAt: instant.nullable(),
  runId: z.string(),
});

const state = z.enum(["open", "resolved"]).optional();
const isOpen = (wanted: "open" | "resolved" | undefined) => (wanted === undefined ? undefined : wanted === "open");

/** What the pipeline did and knows, for the client of the token. */
export function operationsRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  api.get(
    "/freshness",
    {
      config: readers,
      schema: {
        tags: ["operations"],
        summary: "Per source and day: how final, when loaded, rows and sum",
        querystring: paging.extend(range.shape).refine(inOrder, orderError),
        response: { 200: pageOf(freshness) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const after = readCursor(cursor, z.object({ day, source: word }));
      const rows = await readFreshness(reading, {
        ...filter,
        client: callerOf(request).client,
        after,
        limit: limit + 1,
      });
      return toPage(
        rows,
        limit,
        (row) => ({ day: row.day, source: row.source }),
        (row) => ({ ...row, loadedAt: iso(row.loadedAt), total: cents(row.total) }),
      );
    },
  );

  api.get(
    "/slices",
    {
      config: readers,
      schema: {
        tags: ["operations"],
        summary: "The ledger: each slice as it is now",
        querystring: paging
          .extend({ ...range.shape, failed: z.enum(["true", "false"]).optional() })
          .refine(inOrder, orderError),
        response: { 200: pageOf(slice) },
      },
    },
    async (request) => {
      const { limit, cursor, failed, ...filter } = request.query;
      const after = readCursor(cursor, z.object({ day, source: word, slice: word }));
      const rows = await listSlices(reading, {
        ...filter,
        client: callerOf(request).client,
        failed: failed === undefined ? undefined : failed === "true",
        after,
        limit: limit + 1,
      });
      return toPage(
        rows,
        limit,
        (row) => ({ day: row.day, source: row.source, slice: row.slice }),
        (row) => ({ ...row, total: cents(row.total), fetchedAt: iso(row.fetchedAt), failedAt: iso(row.failedAt) }),
      );
    },
  );

  api.get(
    "/runs",
    {
      config: readers,
      schema: {
        tags: ["operations"],
        summary: "Runs, newest first",
        querystring: paging.extend({
          source: word.optional(),
          outcome: z.enum(["running", "completed", "failed", "cancelled", "healed"]).optional(),
        }),
        response: { 200: pageOf(run) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const after = readCursor(cursor, z.object({ startedAt: z.iso.datetime({ precision: 6 }), runId: word }));
      const rows = await listRuns(reading, { ...filter, client: callerOf(request).client, after, limit: limit + 1 });
      return toPage(rows, limit, (row) => ({ startedAt: row.place, runId: row.runId }), toRun);
    },
  );

  api.get(
    "/runs/:id",
    {
      config: readers,
      schema: {
        tags: ["operations"],
        summary: "One run, with the slices that would not come",
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
        healedAt: iso(failure.healedAt),
      }));
      return { ...toRun(found), failures };
    },
  );

  api.get(
    "/receipts",
    {
      config: readers,
      schema: {
        tags: ["operations"],
        summary: "What each reading of a slice found and did",
        querystring: ofSlice,
        response: { 200: pageOf(receipt) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const rows = await listReceipts(reading, {
        ...filter,
        client: callerOf(request).client,
        afterId: readCursor(cursor, id),
        limit: limit + 1,
      });
      return toPage(
        rows,
        limit,
        (row) => row.receiptId,
        (row) => ({
          ...row,
          fetchedAt: row.fetchedAt.toISOString(),
          committedAt: row.committedAt.toISOString(),
          setAsideTotal: cents(row.setAsideTotal),
          total: cents(row.total),
          vendorTotal: row.vendorTotal === null ? null : cents(row.vendorTotal),
        }),
      );
    },
  );

  api.get(
    "/restatements",
    {
      config: readers,
      schema: {
        tags: ["operations"],
        summary: "First values and every change since, row by row",
        querystring: ofSlice.extend({ kind: z.enum(["first", "changed", "withdrawn"]).optional() }),
        response: { 200: pageOf(restatement) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const rows = await listRestatements(reading, {
        ...filter,
        client: callerOf(request).client,
        afterId: readCursor(cursor, id),
        limit: limit + 1,
      });
      return toPage(
        rows,
        limit,
        (row) => row.restatementId,
        (row) => ({
          ...row,
          old: exactAmounts(row.old),
          new: exactAmounts(row.new),
          recordedAt: row.recordedAt.toISOString(),
        }),
      );
    },
  );

  api.get(
    "/quarantine",
    {
      config: readers,
      schema: {
        tags: ["operations"],
        summary: "Quarantined rows, and why",
        querystring: ofSlice.extend({ state }),
        response: { 200: pageOf(quarantined) },
      },
    },
    async (request) => {
      const { limit, cursor, state: wanted, ...filter } = request.query;
      const rows = await listQuarantine(reading, {
        ...filter,
        client: callerOf(request).client,
        open: isOpen(wanted),
        afterId: readCursor(cursor, id),
        limit: limit + 1,
      });
      return toPage(
        rows,
        limit,
        (row) => row.quarantineId,
        (row) => ({
          ...row,
          amount: row.amount === null ? null : cents(row.amount),
          firstSeenAt: row.firstSeenAt.toISOString(),
          lastSeenAt: row.lastSeenAt.toISOString(),
          resolvedAt: iso(row.resolvedAt),
        }),
      );
    },
  );

  alertRoutes(api, parts, { tags: ["operations"] });
  auditRoutes(api, parts);
}

function toRun({ place: _place, client: _client, ...row }: ListedRun): z.infer<typeof run> {
  return {
    ...row,
    scheduledFor: iso(row.scheduledFor),
    startedAt: row.startedAt.toISOString(),
    finishedAt: iso(row.finishedAt),
  };
}

function iso(moment: Date | null): string | null {
  return moment === null ? null : moment.toISOString();
}

/** The ledger's numerics carry a point, its counts do not; amounts become text before a float can touch them. */
function exactAmounts(json: string | null): Record<string, unknown> | null {
  if (json === null) return null;
  const entries = Object.entries(parse(json) as Record<string, unknown>);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isLosslessNumber(value) ? exactNumber(value.toString()) : value]),
  );
}

function exactNumber(digits: string): string | number {
  if (!digits.includes(".")) return Number(digits);
  // At least cents, and no zeros after what was said.
  return digits.replace(/(\.\d\d\d*?)0+$/, "$1");
}
