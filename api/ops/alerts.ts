import { z } from "zod";
import { withoutPersons } from "../../rules/recon/personal.ts";
import {
  alertOrders,
  countAlerts,
  listAlerts,
  readAlerts,
  resolveAlert,
  snoozeAlert,
  type AlertRow,
} from "../../queries/ops/alerts.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { instant, isMore, iso, notes, number as id, part } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

export const alert = z.object({
  alertId: z.number(),
  area: z.string(),
  kind: z.string(),
  subject: z.string(),
  severity: z.string(),
  message: z.string(),
  details: z.unknown(),
  openedAt: instant,
  lastSeenAt: instant,
  timesSeen: z.number(),
  resolvedAt: instant.nullable(),
  resolvedBy: z.string().nullable(),
  notes: z.string().nullable(),
  snoozedUntil: instant.nullable().describe("no channel is notified before then"),
});

export function toAlert({ client: _client, ...row }: AlertRow): z.infer<typeof alert> {
  return {
    ...row,
    openedAt: row.openedAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    resolvedAt: iso(row.resolvedAt),
    snoozedUntil: iso(row.snoozedUntil),
  };
}

export const alertTotals = z.object({
  ...{ alerts: z.number(), isMore, critical: part, warning: part, info: part, open: part },
});

const filters = paging.extend({
  state: z.enum(["open", "resolved", "all"]).default("open"),
  area: word.optional(),
  kind: word.optional(),
  severity: z.enum(["info", "warning", "critical"]).optional(),
  subject: word.optional(),
  sort: sortIn(alertOrders),
});

/** Whose alerts: those of all areas, or of one. */
interface AlertsOf {
  tags: string[];
  area?: string;
}

/** What a person should look at: of all areas, or of the one whose routes these are. */
export function alertRoutes(api: Api, parts: ServerParts, of: AlertsOf): void {
  alertsRoute(api, parts, of);
  resolveRoute(api, parts, of);
  snoozeRoute(api, parts, of);
}

function alertsRoute(api: Api, { reading }: ServerParts, of: AlertsOf): void {
  // What is left out of the query is not documented there, and refused as unknown.
  const querystring = (of.area === undefined ? filters : filters.omit({ area: true })) as typeof filters;
  const toFilter = (
    { state, ...filter }: Omit<z.output<typeof filters>, "limit" | "cursor" | "sort">,
    client: string,
  ) => ({
    ...filter,
    area: of.area ?? filter.area,
    client,
    open: state === "all" ? undefined : state === "open",
  });
  sortedListRoute(api, "/alerts", {
    config: readers,
    tags: of.tags,
    summary: "Open alerts, newest first; others with `state`",
    querystring,
    item: alert,
    orders: alertOrders,
    read: ({ filter, order, limit }, request) =>
      listAlerts(reading, { ...toFilter(filter, callerOf(request).client), order, limit }),
    toItem: toAlert,
  });
  const { limit: _limit, cursor: _cursor, sort: _sort, ...own } = querystring.shape;
  totalsRoute(api, "/alerts", {
    ...{ config: readers, tags: of.tags, summary: "How many alerts the same filters leave, by severity", filters: own },
    answer: alertTotals,
    read: (filter, request) => countAlerts(reading, toFilter(filter, callerOf(request).client)),
  });
}

/** One of the area's alerts; null when the client has no such one. */
const finder =
  ({ reading }: ServerParts, area: string | undefined) =>
  async (client: string, alertId: number): Promise<AlertRow | null> => {
    const [row] = await readAlerts(reading, { client, area, beforeId: alertId + 1, limit: 1 });
    return row?.alertId === alertId ? row : null;
  };

function resolveRoute(api: Api, parts: ServerParts, { tags, area }: AlertsOf): void {
  const findAlert = finder(parts, area);

  api.put(
    "/alerts/:id/resolve",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Closes an alert, with notes; safe to repeat",
        params: z.object({ id }),
        body: z.object({ notes }),
        response: { 200: alert },
      },
    },
    async (request) => {
      const { client, subject } = callerOf(request);
      const said = withoutPersons(request.body.notes);
      const alertId = request.params.id;
      const known = await findAlert(client, alertId);
      if (known === null) throw notFound("alert");
      const resolved = await audited(parts, request, async (session, record) => {
        const row = await resolveAlert(session, { client, alertId, by: subject, notes: said });
        if (row !== null)
          await record(session, {
            action: "alert_resolved",
            subject: `alert/${alertId}`,
            details: { area: row.area, kind: row.kind, of: row.subject, notes: said },
          });
        return row;
      });
      if (resolved !== null) return toAlert(resolved);
      const closed = (await findAlert(client, alertId)) ?? known;
      if (closed.resolvedBy === subject && closed.notes === said) return toAlert(closed);
      throw new ApiError("conflict", `the alert was already resolved by ${closed.resolvedBy ?? "a person"}`);
    },
  );
}

const longestSnoozeMs = 90 * 24 * 3_600_000;

function snoozeRoute(api: Api, parts: ServerParts, { tags, area }: AlertsOf): void {
  const findAlert = finder(parts, area);
  api.put(
    "/alerts/:id/snooze",
    {
      config: keepers,
      schema: {
        tags,
        summary: "No channel is notified of this alert before a moment; null takes that back",
        params: z.object({ id }),
        body: z.object({ until: z.iso.datetime({ offset: true }).nullable() }),
        response: { 200: alert },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const alertId = request.params.id;
      const until = request.body.until === null ? null : new Date(request.body.until);
      if (until !== null && !(until.getTime() > Date.now() && until.getTime() < Date.now() + longestSnoozeMs))
        throw new ApiError("validation_error", "body is not valid", { until: "must lie within the next 90 days" });
      const known = await findAlert(client, alertId);
      if (known === null) throw notFound("alert");
      const snoozed = await audited(parts, request, async (session, record) => {
        const row = await snoozeAlert(session, { client, alertId, until });
        if (row !== null)
          await record(session, {
            action: "alert_snoozed",
            subject: `alert/${alertId}`,
            details: { until: iso(until), kind: row.kind, of: row.subject },
          });
        return row;
      });
      if (snoozed === null)
        throw new ApiError("conflict", "the alert is resolved: no channel is notified of it any more");
      return toAlert(snoozed);
    },
  );
}
