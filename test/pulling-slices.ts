import { afterAll, beforeAll, beforeEach, expect, jest } from "@jest/globals";
import type { Info } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { loadConfig } from "../settings/config.ts";
import { createRedactor } from "../core/redact.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { readAlerts } from "../queries/ops/alerts.ts";
import type { Database, Statement } from "../schema/database.ts";
import { startSandbox, type Sandbox } from "../sandbox/server.ts";
import { testDatabase, type TestDatabase } from "./database.ts";
import { createRateGate } from "../activities/shared/rate-gate.ts";
import type { SyncContext } from "../activities/sync/context.ts";
import { createSyncActivities } from "../activities/sync/sync.ts";

jest.setTimeout(60_000);

export const source = "redtrack.daily_spend";
export const newYork = "America/New_York";
export const day = "2025-12-18";
export let database: TestDatabase;
let sandbox: Sandbox;

beforeAll(async () => {
  const unlimited = { perMinute: null, perSecond: null, countTwice: false };
  [database, sandbox] = await Promise.all([testDatabase(), startSandbox({ limits: { redtrack: unlimited } })]);
});
beforeEach(async () => {
  await control("DELETE", "/faults");
  await database.pool.query(
    "truncate ops.runs, ops.run_failures, ops.slices, ops.receipts, ops.restatements, ops.quarantine, ops.coverage, ops.alerts, redtrack.daily_spend",
  );
});
afterAll(async () => {
  await sandbox.close();
  await database.drop();
});

export async function control(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${sandbox.url}/_control${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer;
}
export const fault = (kind: string, parameters: object = {}) =>
  control("POST", "/faults", { vendor: "redtrack", kind, ...parameters });
export const calls = async () => ((await control("GET", "/log")) as { entries: unknown[] }).entries.length;

export function parts(settings: Record<string, string> = {}, pool: Database = database.pool): SyncContext {
  const env = {
    DATABASE_URL: database.url,
    CLIENTS: "713,acme",
    REDTRACK_API_KEY: "sandbox-713",
    REDTRACK_BASE_URL: `${sandbox.url}/redtrack`,
    REDTRACK_INTERVAL_MS: "0",
    REDTRACK_CONCURRENT: "8",
    UNAVAILABLE_ATTEMPTS: "3",
    ...settings,
  };
  const config = loadConfig(env, vendors, sources);
  return {
    database: pool,
    config,
    sources,
    gate: createRateGate(database.pool),
    redact: createRedactor(config.secrets),
  };
}
export const activities = (settings: Record<string, string> = {}, pool?: Database) =>
  createSyncActivities(parts(settings, pool));

/** The same database, its clock set to a moment. */
export function atClock(now: Date): Database {
  const query = (...[statement, values]: [statement: string | Statement, values?: unknown[]]) =>
    typeof statement === "string" && statement.startsWith("select clock_timestamp()")
      ? Promise.resolve({ rows: [{ now }] })
      : database.pool.query(statement, values);
  return Object.assign(Object.create(database.pool) as Database, { query });
}

/** An activity's surroundings, without the SDK's own lines about activities that fail. */
export const environment = (info: Partial<Info> = {}) =>
  new MockActivityEnvironment(info, { logger: new DefaultLogger("ERROR") });

export async function failureOf(work: Promise<unknown>): Promise<ApplicationFailure> {
  const error: unknown = await work.then(
    () => new Error("expected a failure"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApplicationFailure)) throw error;
  expect(error.message).not.toContain("sandbox-713");
  return error;
}

export const input = { client: "713", source, day, runId: "run" };
export const pull = (over: object = {}, made = activities(), mock = environment()) =>
  mock.run(made.pullSlice, { ...input, ...over });
export const open = () => readAlerts(database.pool, { open: true, limit: 10 });
