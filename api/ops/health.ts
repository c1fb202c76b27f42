import { readAlerts, type AlertRow } from "../../queries/ops/alerts.ts";
import { countOpenAlerts, type AlertCount } from "../../queries/ops/counts.ts";
import { readSourceFreshness, type SourceFreshness } from "../../queries/sync/freshness.ts";
import type { Queryable } from "../../schema/database.ts";
import { withinMs } from "../../core/deadline.ts";
import { remember } from "../server/remember.ts";
import { lateSources } from "../../rules/sync/lateness.ts";
import type { ServerParts } from "../server/parts.ts";

/** One server that we need, as seen just now. */
export interface Reach {
  reachable: boolean;
  latencyMs: number;
}

export interface Health {
  postgres: Reach;
  temporal: Reach;
  /** Null while Postgres cannot tell. */
  late: { client: string; source: string; reason: string }[] | null;
  /** Sources whose last run failed; with `key`, because the vendor refuses the key. */
  failing: { client: string; source: string; key: boolean }[] | null;
  alerts: Record<"critical" | "warning" | "info", number> | null;
}

/** Probes end well before the second in which a health check wants its answer. */
const probeMs = 800;

/** Asks all at once, and at most once per second however many are asking: the page is open to everybody. */
export function createHealthReader({
  reading,
  database,
  probe,
  temporal,
}: Pick<ServerParts, "reading" | "database" | "probe" | "temporal">): () => Promise<Health> {
  return remember(1_000, async () => {
    const [postgres, temporalReach, state] = await Promise.all([
      measure(() => withinMs(probeMs, (probe ?? database).query("select 1"))),
      measure(() => withinMs(probeMs, temporal.probe(probeMs - 100))),
      withinMs(probeMs, readState(reading)).catch(() => null),
    ]);
    return {
      postgres,
      temporal: temporalReach,
      late: state === null ? null : lateSources(state.freshness, new Date()),
      failing: state === null ? null : state.failing,
      alerts: state === null ? null : bySeverity(state.alerts),
    };
  });
}

interface State {
  freshness: SourceFreshness[];
  alerts: AlertCount[];
  failing: NonNullable<Health["failing"]>;
}

async function readState(reading: Queryable): Promise<State> {
  const [freshness, alerts, ofRuns] = await Promise.all([
    readSourceFreshness(reading, {}),
    countOpenAlerts(reading, {}),
    readAlerts(reading, { open: true, area: "sync", limit: 100 }),
  ]);
  return { freshness, alerts, failing: failingSources(ofRuns) };
}

const keyRefused = "credentials_rejected";

/** A refused key is the reason of the failed run beside it, and is named alone. */
export function failingSources(
  alerts: readonly Pick<AlertRow, "client" | "kind" | "subject">[],
): NonNullable<Health["failing"]> {
  const found = new Map<string, { client: string; source: string; key: boolean }>();
  for (const { client, kind, subject } of alerts) {
    if (kind !== keyRefused && kind !== "run_failed") continue;
    const known = found.get(`${subject} ${client}`);
    found.set(`${subject} ${client}`, { client, source: subject, key: kind === keyRefused || known?.key === true });
  }
  return [...found.values()];
}

function bySeverity(alerts: readonly AlertCount[]): Record<"critical" | "warning" | "info", number> {
  const sum = (severity: string) =>
    alerts.filter((alert) => alert.severity === severity).reduce((total, alert) => total + alert.count, 0);
  return { critical: sum("critical"), warning: sum("warning"), info: sum("info") };
}

async function measure(work: () => Promise<unknown>): Promise<Reach> {
  const started = performance.now();
  const reachable = await work().then(
    () => true,
    () => false,
  );
  return { reachable, latencyMs: Math.round(performance.now() - started) };
}
