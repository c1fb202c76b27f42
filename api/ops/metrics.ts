import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { countOpenAlerts, countRuns } from "../../queries/ops/counts.ts";
import { readWaiting, type Waiting } from "../../queries/ops/mirror-marks.ts";
import { readSourceFreshness, type SourceFreshness } from "../../queries/sync/freshness.ts";
import { countQuarantine } from "../../queries/sync/status.ts";
import { readPartitions } from "../../queries/streams/progress.ts";
import { readGates } from "../../queries/shared/rate-gate.ts";
import { withinMs } from "../../core/deadline.ts";
import { createSpoolGauges } from "../promo/spool-gauges.ts";
import { remember } from "../server/remember.ts";
import { lateSources } from "../../rules/sync/lateness.ts";
import type { ServerParts } from "../server/parts.ts";

export interface Metrics {
  contentType: string;
  observeRequest: (request: { method: string; route: string; status: number; seconds: number }) => void;
  /** The page as Prometheus reads it; money of one client, of all, or of none. */
  scrape: (money: { client: string } | "all" | "none") => Promise<string>;
}

/** A scraper in a hurry gets what the one before it got. */
const rememberMs = 2_000;

/** What the process measures itself, and what Postgres knows at the moment of the scrape: a dead Temporal shows, too. */
export function createMetrics(parts: Pick<ServerParts, "reading" | "temporal" | "config">): Metrics {
  const { temporal } = parts;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "signal_room_api_" });
  const requests = new Histogram({
    name: "signal_room_http_request_duration_seconds",
    help: "How long answers took",
    labelNames: ["method", "route", "status"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const gauges = createGauges(registry);
  const fillSpool = createSpoolGauges(registry, parts);

  const read = remember(rememberMs, async () => {
    const [state, temporalUp] = await Promise.all([
      readState(parts).catch(() => null),
      withinMs(800, temporal.probe(700)).then(
        () => 1,
        () => 0,
      ),
      fillSpool(),
    ]);
    // What was true before the database went away would look like news.
    for (const gauge of Object.values(gauges)) gauge.reset();
    gauges.temporalUp.set(temporalUp);
    gauges.postgresUp.set(state === null ? 0 : 1);
    if (state !== null) fill(gauges, state, new Date());
    return { text: await registry.metrics(), freshness: state?.freshness ?? [] };
  });

  return {
    contentType: registry.contentType,
    observeRequest: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    scrape: async (money) => {
      const { text, freshness } = await read();
      if (money === "none") return text;
      return (
        text +
        (await moneyText(money === "all" ? freshness : freshness.filter(({ client }) => client === money.client)))
      );
    },
  };
}

type Gauges = ReturnType<typeof createGauges>;
type State = Awaited<ReturnType<typeof readState>>;

async function readState({ reading, config }: Pick<ServerParts, "reading" | "config">) {
  const [freshness, alerts, quarantine, runs, gates, waiting, partitions] = await Promise.all([
    readSourceFreshness(reading, {}),
    countOpenAlerts(reading, {}),
    countQuarantine(reading, {}),
    countRuns(reading, { hours: 24 }),
    readGates(reading),
    config.clickhouse === null ? null : readWaiting(reading),
    readPartitions(reading, {}),
  ]);
  return { freshness, alerts, quarantine, runs, gates, waiting, partitions };
}

function createGauges(registry: Registry) {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name: `signal_room_${name}`, help, labelNames, registers: [registry] });
  const source = ["client", "source"] as const;
  const partition = ["client", "stream", "partition"] as const;
  return {
    postgresUp: gauge("postgres_up", "1 when Postgres answered this scrape", []),
    temporalUp: gauge("temporal_up", "1 when Temporal answered this scrape", []),
    receiptAge: gauge("last_receipt_age_seconds", "Time since the source last left a receipt", source),
    openDayAge: gauge(
      "oldest_open_day_age_seconds",
      "Time since the end of the oldest covered day that is not final; 0 when all are",
      source,
    ),
    late: gauge("source_late", "1 when the source should have been read by now and was not", source),
    failedSlices: gauge("failed_slices", "Slices whose last attempt failed", source),
    rows: gauge("rows", "Rows of the source's own today and yesterday", [...source, "day"]),
    alerts: gauge("open_alerts", "Open alerts", ["client", "kind", "severity"]),
    quarantine: gauge("quarantine_open", "Quarantined rows that are still open", source),
    gateWait: gauge("rate_gate_wait_seconds", "How long an account has to wait before its next request", ["account"]),
    gateInFlight: gauge("rate_gate_in_flight", "Requests of an account under way", ["account"]),
    mirrorLag: gauge(
      "mirror_lag_seconds",
      "How long the oldest changed day waits to be mirrored; 0 when none does",
      [],
    ),
    mirrorDays: gauge("mirror_days_waiting", "Changed days that wait to be mirrored", []),
    streamLag: gauge(
      "stream_lag_messages",
      "Messages of a partition that are not stored, where the broker says",
      partition,
    ),
    streamWait: gauge("stream_lag_seconds", "How long the oldest message has waited that is not stored", partition),
    streamSeen: gauge("stream_seen_age_seconds", "Time since a consumer last looked for messages", partition),
    streamHeld: gauge("stream_held", "1 when a partition is not read until a person decides", partition),
    streamMessages: gauge("stream_messages", "Messages of a partition that were stored or quarantined", partition),
    runs: gauge("runs_24h", "Runs begun within 24 hours, by how they ended", [...source, "kind", "outcome"]),
  };
}

function fill(
  gauges: Gauges,
  { freshness, alerts, quarantine, runs, gates, waiting, partitions }: State,
  now: Date,
): void {
  const secondsSince = (moment: Date) => Math.max(0, (now.getTime() - moment.getTime()) / 1_000);
  const late = new Set(lateSources(freshness, now).map(({ client, source }) => `${client}/${source}`));
  for (const known of freshness) {
    const labels = { client: known.client, source: known.source };
    if (known.lastReceiptAt !== null) gauges.receiptAge.set(labels, secondsSince(known.lastReceiptAt));
    if (known.covered)
      gauges.openDayAge.set(labels, known.oldestOpenSince === null ? 0 : secondsSince(known.oldestOpenSince));
    gauges.late.set(labels, late.has(`${known.client}/${known.source}`) ? 1 : 0);
    gauges.failedSlices.set(labels, known.failedSlices);
    gauges.rows.set({ ...labels, day: "today" }, known.rowsToday);
    gauges.rows.set({ ...labels, day: "yesterday" }, known.rowsYesterday);
  }
  for (const { count, ...labels } of alerts) gauges.alerts.set(labels, count);
  if (waiting !== null) fillMirror(gauges, waiting, now);
  for (const { client, source, entries } of quarantine) gauges.quarantine.set({ client, source }, entries);
  for (const { count, ...labels } of runs) gauges.runs.set(labels, count);
  for (const known of partitions.filter(({ isFinished }) => !isFinished)) {
    const labels = { client: known.client, stream: known.stream, partition: known.partition };
    if (known.lag !== null) gauges.streamLag.set(labels, known.lag);
    gauges.streamWait.set(labels, known.waitingSeconds);
    gauges.streamSeen.set(labels, known.seenSeconds);
    gauges.streamHeld.set(labels, known.held === null ? 0 : 1);
    gauges.streamMessages.set(labels, known.messages);
  }
  for (const { account, waitMs, inFlight } of gates) {
    gauges.gateWait.set({ account }, waitMs / 1_000);
    gauges.gateInFlight.set({ account }, inFlight);
  }
}

/** A mirror that has nothing to do is not behind. */
function fillMirror(gauges: Gauges, waiting: readonly Waiting[], now: Date): void {
  const since = Math.min(...waiting.map((one) => one.since.getTime()), now.getTime());
  gauges.mirrorLag.set((now.getTime() - since) / 1_000);
  gauges.mirrorDays.set(waiting.reduce((sum, { days }) => sum + days, 0));
}

/** A float, as all of Prometheus is: good for a graph and a threshold, not for accounts. */
async function moneyText(freshness: readonly SourceFreshness[]): Promise<string> {
  const registry = new Registry();
  const total = new Gauge({
    name: "signal_room_money",
    help: "The amount of the source's own today and yesterday, in its currency",
    labelNames: ["client", "source", "day"],
    registers: [registry],
  });
  for (const { client, source, totalToday, totalYesterday } of freshness) {
    total.set({ client, source, day: "today" }, Number(totalToday));
    total.set({ client, source, day: "yesterday" }, Number(totalYesterday));
  }
  return registry.metrics();
}
