import { z } from "zod";
import { readAlerts, resolveAlert, type AlertRow } from "../../queries/ops/alerts.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const id = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

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
});

export function toAlert({ client: _client, ...row }: AlertRow): z.infer<typeof alert> {
  return {
    ...row,
    openedAt: row.openedAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    resolvedAt: row.resolvedAt?.toISOString() ?? null,
  };
}

/** What wants a person to look: of all areas, or of the one whose doors these are. */
export function alertRoutes(api: Api, parts: ServerParts, of: { tags: string[]; area?: string }): void {
  const { tags } = of;
  const { reading } = parts;
  const filters = paging.extend({
    state: z.enum(["open", "resolved", "all"]).default("open"),
    area: word.optional(),
    kind: word.optional(),
    severity: z.enum(["info", "warning", "critical"]).optional(),
    subject: word.optional(),
  });

  api.get(
    "/alerts",
    {
      config: readers,
      schema: {
        tags,
        summary: "Open alerts, newest first; others with `state`",
        querystring: of.area === undefined ? filters : filters.omit({ area: true }),
        response: { 200: pageOf(alert) },
      },
    },
    async (request) => {
      const { limit, cursor, state, ...filter } = request.query as z.output<typeof filters>;
      const rows = await readAlerts(reading, {
        ...filter,
        area: of.area ?? filter.area,
        client: callerOf(request).client,
        open: state === "all" ? undefined : state === "open",
        beforeId: readCursor(cursor, id) ?? undefined,
        limit: limit + 1,
      });
      return toPage(rows, limit, (row) => row.alertId, toAlert);
    },
  );

  api.put(
    "/alerts/:id/resolve",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Closes an alert by hand, with notes; the same call again gives the same answer",
        params: z.object({ id }),
        body: z.object({
          notes: z
            .string()
            .trim()
            .min(1)
            .max(2_000)
            .regex(/^[^\u0000]*$/, "must be text"),
        }),
        response: { 200: alert },
      },
    },
    async (request) => {
      const { client, subject } = callerOf(request);
      const { notes } = request.body;
      const alertId = request.params.id;
      const known = await findAlert(client, alertId);
      if (known === null) throw notFound("alert");
      const resolved = await audited(parts, request, async (session, record) => {
        const row = await resolveAlert(session, { client, alertId, by: subject, notes });
        if (row !== null)
          await record(session, {
            action: "alert_resolved",
            subject: `alert/${alertId}`,
            details: { area: row.area, kind: row.kind, of: row.subject, notes },
          });
        return row;
      });
      if (resolved !== null) return toAlert(resolved);
      const closed = (await findAlert(client, alertId)) ?? known;
      if (closed.resolvedBy === subject && closed.notes === notes) return toAlert(closed);
      throw new ApiError("conflict", `the alert was already resolved by ${closed.resolvedBy ?? "somebody"}`);
    },
  );

  async function findAlert(client: string, alertId: number): Promise<AlertRow | null> {
    const [row] = await readAlerts(reading, { client, area: of.area, beforeId: alertId + 1, limit: 1 });
    return row?.alertId === alertId ? row : null;
  }
}
