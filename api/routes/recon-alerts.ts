import { z } from "zod";
import { readAlerts, resolveAlert, type AlertRow } from "../../queries/alerts.ts";
import { allow, callerOf } from "../access.ts";
import { ApiError, notFound } from "../errors.ts";
import { pageOf, paging, readCursor, toPage, word } from "../lists.ts";
import type { Api, ServerParts } from "../parts.ts";
import { alert, toAlert } from "./operations.ts";
import { tags } from "./recon-shapes.ts";

const staff = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const area = "recon";
const number = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const isOpen = (wanted: "open" | "resolved" | undefined) => (wanted === undefined ? undefined : wanted === "open");

/** What reconciliation wants a person to see. */
export function alertRoutes(api: Api, { reading }: ServerParts): void {
  api.get(
    "/alerts",
    {
      config: staff,
      schema: {
        tags,
        summary: "Alerts of reconciliation, newest first",
        querystring: paging.extend({
          state: z.enum(["open", "resolved"]).optional(),
          kind: word.optional(),
          severity: z.enum(["info", "warning", "critical"]).optional(),
          subject: word.optional(),
        }),
        response: { 200: pageOf(alert) },
      },
    },
    async (request) => {
      const { limit, cursor, state, ...filter } = request.query;
      const rows = await readAlerts(reading, {
        ...filter,
        client: callerOf(request).client,
        area,
        open: isOpen(state),
        beforeId: readCursor(cursor, number) ?? undefined,
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
        params: z.object({ id: number }),
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
      const resolved = await resolveAlert(reading, { client, alertId, by: subject, notes });
      if (resolved !== null) return toAlert(resolved);
      const closed = (await findAlert(client, alertId)) ?? known;
      if (closed.resolvedBy === subject && closed.notes === notes) return toAlert(closed);
      throw new ApiError("conflict", `the alert was already resolved by ${closed.resolvedBy ?? "somebody"}`);
    },
  );

  async function findAlert(client: string, alertId: number): Promise<AlertRow | null> {
    const [row] = await readAlerts(reading, { client, area, beforeId: alertId + 1, limit: 1 });
    return row?.alertId === alertId ? row : null;
  }
}
