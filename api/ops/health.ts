import { countOpenAlerts, type AlertCount } from "../../queries/ops/counts.ts";
import { readSourceFreshness, type SourceFreshness } from "../../queries/sync/freshness.ts";
import type { Queryable } from "../../schema/database.ts";
import { remember, withinMs } from "../server/deadline.ts";
import { lateSources } from "./lateness.ts";
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
  schedules,
}: Pick<ServerParts, "reading" | "database" | "probe" | "temporal" | "schedules">): () => Promise<Health> {
  return remember(1_000, async () => {
    const [postgres, temporalReach, state] = await Promise.all([
      measure(() => withinMs(probeMs, (probe ?? database).query("select 1"))),
      measure(() => withinMs(probeMs, temporal.probe(probeMs - 100))),
      withinMs(probeMs, readState(reading)).catch(() => null),
    ]);
    return {
      postgres,
      temporal: temporalReach,
      late: state === null ? null : lateSources(state.freshness, schedules, new Date()),
      alerts: state === null ? null : bySeverity(state.alerts),
    };
  });
}

async function readState(reading: Queryable): Promise<{ freshness: SourceFreshness[]; alerts: AlertCount[] }> {
  const [freshness, alerts] = await Promise.all([readSourceFreshness(reading, {}), countOpenAlerts(reading, {})]);
  return { freshness, alerts };
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
