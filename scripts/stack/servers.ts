import path from "node:path";
import { startPostgres, type RunningPostgres } from "../embedded/postgres.ts";
import { assertNotRunning, assertPortFree, isSameProcess, readRunRecord } from "../embedded/process.ts";
import { startTemporal, type RunningTemporal } from "../embedded/temporal.ts";
import { localPort } from "../../settings/local-stack.ts";
import { keepRunning, type Kept } from "./keep-running.ts";

type Env = Record<string, string>;

export interface ServerPlan {
  env: Env;
  dataDir: string;
  say: (message: string) => void;
  giveUp: (reason: string) => void;
}

const postgresPort = (env: Env) => localPort(env, "POSTGRES_PORT");
const temporalPort = (env: Env) => localPort(env, "TEMPORAL_PORT");
const temporalUiPort = (env: Env) => localPort(env, "TEMPORAL_UI_PORT");
export const apiPort = (env: Env) => localPort(env, "API_PORT");
export const sandboxPort = (env: Env) => localPort(env, "SANDBOX_PORT");

/** Servers that a setting names are run elsewhere, and are not embedded. */
export const embedsPostgres = (env: Env) => env["DATABASE_URL"] === undefined;
export const embedsTemporal = (env: Env) =>
  ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"].every((name) => env[name] === undefined);

/** Before anything is touched: is there a stack on this data already, and are all ports free? Says every one that is not. */
export async function assertStartable(env: Env, dataDir: string, others: [port: number, setting: string][]) {
  const ports = [...others];
  const look = async (name: string, ofServer: [port: number, setting: string][]) => {
    const folder = path.join(dataDir, name);
    const record = await readRunRecord(path.join(folder, "run.json"));
    assertNotRunning(record, folder);
    // What an earlier stack left behind is stopped later, and lets go of its ports then.
    if (record === undefined || !isSameProcess(record)) ports.push(...ofServer);
  };
  if (embedsPostgres(env)) await look("postgres", [[postgresPort(env), "POSTGRES_PORT"]]);
  if (embedsTemporal(env))
    await look("temporal", [
      [temporalPort(env), "TEMPORAL_PORT"],
      [temporalUiPort(env), "TEMPORAL_UI_PORT"],
    ]);
  const looked = await Promise.allSettled(ports.map(([port, setting]) => assertPortFree(port, setting)));
  const taken = looked.flatMap((one) => (one.status === "rejected" ? [(one.reason as Error).message] : []));
  if (taken.length > 0) throw new Error(taken.join("\n  "));
}

export function embedPostgres({ env, dataDir, say, giveUp }: ServerPlan): Promise<Kept<RunningPostgres>> {
  return keepRunning({
    name: "Postgres",
    say,
    giveUp,
    start: () =>
      startPostgres({
        dataDir: path.join(dataDir, "postgres"),
        port: postgresPort(env),
        database: "signal_room",
        onProgress: (message) => say(`Postgres: ${message}`),
      }),
  });
}

export function embedTemporal(
  { env, dataDir, say, giveUp }: ServerPlan,
  { codecEndpoint }: { codecEndpoint: string | undefined },
): Promise<Kept<RunningTemporal>> {
  return keepRunning({
    name: "Temporal",
    say,
    giveUp,
    start: () =>
      startTemporal({
        dataDir: path.join(dataDir, "temporal"),
        port: temporalPort(env),
        uiPort: temporalUiPort(env),
        namespace: env["TEMPORAL_NAMESPACE"] ?? "default",
        codecEndpoint,
        env,
        onProgress: (message) => say(`Temporal: ${message}`),
      }),
  });
}
