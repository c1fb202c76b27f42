import { z } from "zod";
import { word } from "../../api/server/lists.ts";
import { notes } from "../../api/server/shapes.ts";
import type { alertTotals } from "../../api/ops/alerts.ts";
import { alertOrders, type AlertRow } from "../../queries/ops/alerts.ts";
import { Badge, Moment, Name, type Tone } from "../components/format.tsx";
import { Filters, type Filter } from "../components/filters.tsx";
import { Count, Counts, Empty, ExportLink, Fact, NextPage, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { dayAddress } from "../freshness/page.tsx";
import { snoozedUntil, snoozeHours, snoozes } from "../ops/snoozes.ts";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, type Json } from "../shared/json.ts";
import { call, form, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, withQuery, type Web } from "../shared/web.ts";

type AlertTotals = z.infer<typeof alertTotals>;
export type Alert = Json<Omit<AlertRow, "client">>;

const severities = ["critical", "warning", "info"] as const;
export const severityTones: Record<string, Tone> = { critical: "bad", warning: "warning", info: "note" };
const query = {
  state: z.enum(["open", "resolved", "all"]).optional(),
  severity: z.enum(severities).optional(),
  ...{ area: word.optional(), kind: word.optional(), subject: word.optional() },
  ...sortedQuery(alertOrders),
};
const path = "/api/v1/ops/alerts";
/** Where to go back to: a page of this list. */
const back = z
  .string()
  .regex(/^\/alerts(\?[^#]*)?$/)
  .optional();

/** What wants a person to look, and what was made of it. */
export function alertPages(web: Web): void {
  alertList(web);

  exportList(web, { url: "/alerts.csv", who: readers, query }, (at) => ({
    name: "alerts.csv",
    path,
    query: at.query,
    columns,
  }));

  const body = z.object({ notes, back });
  form(web, { url: "/alerts/:id/resolve", who: keepers, body }, async (at, { notes: said, back: to }) => {
    const { id } = at.request.params as { id: string };
    await call(web, at.request, {
      method: "PUT",
      url: `${path}/${encodeURIComponent(id)}/resolve`,
      body: { notes: said },
    });
    return to ?? "/alerts";
  });

  const snooze = z.object({ hours: z.enum(snoozeHours), back });
  form(web, { url: "/alerts/:id/snooze", who: keepers, body: snooze }, async (at, { hours, back: to }) => {
    const { id } = at.request.params as { id: string };
    await call(web, at.request, {
      method: "PUT",
      url: `${path}/${encodeURIComponent(id)}/snooze`,
      body: { until: snoozedUntil(hours, at.now) },
    });
    return to ?? "/alerts";
  });
}

function alertList(web: Web): void {
  page(web, { url: "/alerts", who: readers, query }, async (at) => {
    const [list, { totals, json }] = await Promise.all([
      callList<Alert>(web, at, { path, query: at.query }),
      callTotals<AlertTotals>(web, at, { path, query: at.query }),
    ]);
    const state = at.query.state ?? "open";
    return {
      title: "Alerts",
      body: (
        <>
          <PageHead
            title="Alerts"
            lead="Each is sent once, counted while it lasts, and resolved by the pipeline when it no longer holds, or by you."
          >
            <a class="button" href="/channels">
              Channels
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <Filters url={at.url} filters={filtersFor(list.items)} />
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["alerts", "Alerts", totals.alerts],
              ["critical", "Critical", totals.critical],
              ["warning", "Warnings", totals.warning],
              ["info", "For information", totals.info],
              ["open", "Open", totals.open],
            ]}
          />
          {list.items.length === 0 ? (
            <Empty title={state === "open" ? "No open alert" : "No alert"}>
              {state === "open" ? (
                <>
                  Nothing wants a person under these filters.{" "}
                  <a href={withQuery(at.url, { state: "resolved" })}>Look at resolved ones</a>
                </>
              ) : (
                <a href="/alerts">Look at what is open</a>
              )}
            </Empty>
          ) : (
            <ul class="plain">
              {list.items.map((alert, index) => (
                <li key={alert.alertId} id={`alert-${alert.alertId}`}>
                  <AlertCard
                    alert={alert}
                    index={index}
                    json={list.url}
                    zone={at.zone}
                    now={at.now}
                    isKeeper={at.viewer.isKeeper}
                    back={`${at.url.pathname}${at.url.search}`}
                  />
                </li>
              ))}
            </ul>
          )}
          <NextPage url={at.url} next={list.next} />
        </>
      ),
    };
  });
}

const filtersFor = (items: readonly Alert[]): Filter[] => [
  {
    ...{ name: "state", label: "State", kind: "choice" },
    choices: [
      ["", "open"],
      ["resolved", "resolved"],
      ["all", "all"],
    ],
  },
  {
    ...{ name: "severity", label: "Severity", kind: "choice" },
    choices: [["", "all"], ...severities.map((one) => [one, one] as const)],
  },
  { name: "area", label: "Area", kind: "text", suggestions: [...new Set(items.map(({ area }) => area))] },
  { name: "kind", label: "Kind", kind: "text", suggestions: [...new Set(items.map(({ kind }) => kind))] },
  { name: "subject", label: "Subject", kind: "search" },
  {
    ...{ name: "sort", label: "Order", kind: "choice" },
    choices: [
      ["", "newest first"],
      ["openedAt", "oldest first"],
      ["-severity", "most severe first"],
      ["severity", "least severe first"],
      ["-lastSeenAt", "seen last first"],
      ["lastSeenAt", "not seen for longest first"],
      ["-timesSeen", "seen most often first"],
      ["timesSeen", "seen least often first"],
    ],
  },
];

const text = (name: keyof Alert, label: string): Column<Alert> => ({
  ...{ name, label, kind: "text" },
  value: (alert) => (alert[name] === null ? null : String(alert[name])),
});
const moment = (name: "openedAt" | "lastSeenAt" | "resolvedAt", label: string): Column<Alert> => ({
  ...{ name, label, kind: "moment" },
  value: (alert) => (alert[name] === null ? null : new Date(alert[name])),
});
const columns: readonly Column<Alert>[] = [
  ...[text("alertId", "Alert"), text("severity", "Severity"), text("area", "Area"), text("kind", "Kind")],
  ...[text("subject", "Subject"), text("message", "Message"), moment("openedAt", "Opened")],
  ...[moment("lastSeenAt", "Last seen"), text("timesSeen", "Times seen"), moment("resolvedAt", "Resolved")],
  ...[text("resolvedBy", "Resolved by"), text("notes", "Notes")],
];

interface CardProps {
  alert: Alert;
  /** Where its JSON route has it. */
  index: number;
  json: string;
  zone: string;
  now: Date;
  isKeeper: boolean;
  /** This list, to go back to. */
  back: string;
}

function AlertCard({ alert, index, json, zone, now, isKeeper, back: to }: CardProps) {
  const { alertId, area, kind, subject, severity, message, timesSeen, openedAt, lastSeenAt, resolvedAt } = alert;
  const place = placeOf(alert);
  const isSnoozed = resolvedAt === null && alert.snoozedUntil !== null && new Date(alert.snoozedUntil) > now;
  return (
    <article class="panel" aria-labelledby={`alert-${alertId}-title`}>
      <div class="section-head">
        <h2 id={`alert-${alertId}-title`}>
          <Badge tone={severityTones[severity] ?? "quiet"}>{severity}</Badge> {kindName(kind)}
        </h2>
        <span class="quiet">
          {area} · {place === null ? <Name of={subject} /> : <a href={place}>{subject}</a>}
        </span>
      </div>
      <p class="wrap">
        <Fact of={{ json, field: `items.${index}.message`, value: message }}>{message}</Fact>
      </p>
      <p class="quiet">
        Opened <Moment at={new Date(openedAt)} zone={zone} />; seen{" "}
        <Count json={json} field={`items.${index}.timesSeen`} of={timesSeen} /> {timesSeen === 1 ? "time" : "times"},
        last <Moment at={new Date(lastSeenAt)} zone={zone} />
        {resolvedAt === null ? "." : "; "}{" "}
        {isSnoozed && alert.snoozedUntil !== null ? (
          <Badge tone="note">
            snoozed until <Moment at={new Date(alert.snoozedUntil)} zone={zone} />
          </Badge>
        ) : null}
        {resolvedAt === null ? null : (
          <>
            resolved <Moment at={new Date(resolvedAt)} zone={zone} /> by <Name of={alert.resolvedBy} />
            {alert.notes === null ? (
              "."
            ) : (
              <>
                : <Name of={alert.notes} />
              </>
            )}
          </>
        )}
      </p>
      {isKeeper && resolvedAt === null ? (
        <div class="actions">
          <ResolveForm alertId={alertId} back={to} />
          <SnoozeForm alertId={alertId} back={to} isSnoozed={isSnoozed} />
        </div>
      ) : null}
    </article>
  );
}

function ResolveForm({ alertId, back: to }: { alertId: number; back: string }) {
  return (
    <details>
      <summary>Resolve</summary>
      <form method="post" action={`/alerts/${alertId}/resolve`} class="stack">
        <input type="hidden" name="back" value={to} />
        <label>
          What was done about it
          <textarea name="notes" required maxLength={2000} />
        </label>
        <button type="submit" class="primary">
          Resolve
        </button>
      </form>
    </details>
  );
}

/** It stays open and is counted; no channel is notified of it meanwhile. */
function SnoozeForm({ alertId, back: to, isSnoozed }: { alertId: number; back: string; isSnoozed: boolean }) {
  return (
    <details>
      <summary>Snooze</summary>
      <form method="post" action={`/alerts/${alertId}/snooze`} class="row">
        <input type="hidden" name="back" value={to} />
        <label>
          Notify no channel for
          <select name="hours">
            {Object.entries(snoozes).map(([hours, label]) => (
              <option key={hours} value={hours}>
                {label}
              </option>
            ))}
            {isSnoozed ? <option value="0">no longer snoozed</option> : null}
          </select>
        </label>
        <button type="submit">Snooze</button>
      </form>
    </details>
  );
}

/** `cpc_spike` is a CPC spike. */
const kindName = (kind: string) =>
  kind
    .replace(/^[a-z]/, (first) => first.toUpperCase())
    .replaceAll("_", " ")
    .replace(/\bcp[acm]\b/gi, (short) => short.toUpperCase());

/** Where what the alert is about can be looked at. */
function placeOf({ area, subject }: Pick<Alert, "area" | "subject">): string | null {
  if (area === "mapping") return "/cost/mapping";
  if (area === "questions") return /^question\/\d+$/.test(subject) ? subject.replace("question", "/questions") : null;
  if (area === "spend") {
    const [of, id = ""] = subject.split("/");
    if (of === "campaign" && /^\d+$/.test(id)) return `/campaigns/${id}`;
    return of === "redtrack" ? `/spend?by=day&period=30d&sourceId=${encodeURIComponent(id)}` : null;
  }
  if (area !== "sync") return null;
  const [source = "", day = ""] = subject.split(/[ /]/);
  return /^\d{4}-\d\d-\d\d$/.test(day) ? dayAddress(source, day) : "/freshness";
}
