import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { sources, vendors } from "../../connectors/registry.ts";
import { freePorts } from "../../scripts/embedded/process.ts";
import { createLoginLink } from "../../scripts/shared/login-link.ts";
import { loadConfig } from "../../settings/config.ts";
import { plannedSchedules, type PlannedSchedule } from "../../temporal.config.ts";
import { applySchedules } from "../../temporal/schedules.ts";
import { runBackfills } from "../drills/kills.ts";
import { finding, type DrillSetup, type Finding } from "../drills/drill.ts";
import { creativeIds } from "../performance-files.ts";
import { keepRunning } from "../children.ts";
import { startReconStack, type ReconStack } from "../recon-stack.ts";
import type { BenchStack } from "../stack.ts";
import { judgeSoak } from "./judge.ts";
import {
  dropFiles,
  lookAtPages,
  sendClaims,
  sendConversions,
  sendEvents,
  type Sending,
  type Sent,
  type SentFiles,
} from "./senders.ts";
import { Timings } from "./timings.ts";
import { readVitals, type Vitals } from "./vitals.ts";

const webhookSecret = "soak-webhook-secret-0123456789";
const speed = 100;
/** Faster than this, one run would be under way all the time, and nothing else measured. */
const leastSeconds = 6;
const struckParts = ["worker", "API", "Postgres", "Temporal"] as const;
const pages = [
  "/",
  "/creatives",
  "/spend?period=30d",
  "/reconciliation",
  "/tie-out",
  "/files",
  "/freshness",
  "/alerts",
];

export interface SoakOptions {
  minutes: number;
  killEverySeconds: number;
}

/** Everything at once for so long, with one part killed every minute; then whether anything is lost, and what has grown. */
export async function runSoak(options: SoakOptions, setup: DrillSetup): Promise<Finding> {
  const recon = await startReconStack(50, {
    ...{ REDTRACK_INTERVAL_MS: "20", EVERFLOW_API_KEY: "sandbox-713", EVERFLOW_INTERVAL_MS: "20" },
    ...{ ANYTRACK_WEBHOOK_SECRET: webhookSecret, ANYTRACK_WEBHOOK_PER_MINUTE: "100000000" },
    ...{
      API_JWT_SECRET: randomBytes(32).toString("base64"),
      IDENTITY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    },
    ...{ PROMO_IMPRESSIONS_PER_MINUTE: "100000000", PROMO_CLICKS_PER_MINUTE: "100000000" },
    ...{
      INGEST_WATCH_MINUTES: "1",
      RETENTION_RUNS_DAYS: "1",
      RETENTION_TRAFFIC_DAYS: "30",
      RECON_FIRST_WAIT_MS: "500",
    },
  });
  try {
    return await soak(recon, options, setup);
  } finally {
    await recon.stack.stop();
  }
}

async function soak(recon: ReconStack, { minutes, killEverySeconds }: SoakOptions, { random, say }: DrillSetup) {
  const { stack } = recon;
  const importDir = path.join(stack.folder, "import");
  await mkdir(importDir);
  Object.assign(stack.env, { IMPORT_DIR: importDir, EVERFLOW_BASE_URL: `${stack.sandboxUrl}/everflow` });
  await fill(stack);
  const ports = await freePorts(2);
  const apis = ports.map((port) => `http://127.0.0.1:${port}`);
  const spools = ports.map((port) => path.join(stack.folder, `spool-${port}`));
  const startApi = (index: number) =>
    stack.startChild("api", "api/main.js", {
      env: { API_PORT: String(ports[index]), PROMO_SPOOL_DIR: spools[index] ?? "" },
    });
  const [worker, api] = [keepRunning(() => stack.startWorker()), keepRunning(() => startApi(0))];
  const [steadyWorker, steadyApi] = await Promise.all([stack.startWorker(), startApi(1)]);
  await Promise.all([worker.isUp(), api.isUp()]);
  const cookie = await logIn(stack, apis[1] ?? "");
  await scheduleFast(stack);

  const [began, spanMs] = [performance.now(), minutes * 60_000];
  const isOver = () => performance.now() - began > spanMs;
  const timings = new Timings();
  const of: Sending = { apis, timings, isOver };
  const files: SentFiles = { spend: new Map(), rowsOfDay: 5_000, names: [] };
  const sent: Sent = { conversions: { count: 0, cents: 0 }, events: new Set(), reports: new Set(), files };
  const isIn = async (name: string) =>
    stack.database.query("select from ops.files where name = $1", [name]).then(
      ({ rowCount }) => rowCount === 1,
      () => false,
    );
  const backfills = runBackfills(stack);
  const watched = {
    database: stack.database,
    processes: { worker: steadyWorker.pid ?? 0, API: steadyApi.pid ?? 0 },
    spools,
  };
  const vitals: Vitals[] = [];
  const watching = (async () => {
    while (!isOver()) {
      const seen = await readVitals(watched);
      if (seen !== null) vitals.push(seen);
      await wait(5_000);
    }
  })();
  const strike = {
    worker: worker.kill,
    API: api.kill,
    Postgres: stack.restartPostgres,
    Temporal: () => stack.restartTemporal(),
  };
  const struck: string[] = [];
  const killing = (async () => {
    let deck: (typeof struckParts)[number][] = [];
    for (;;) {
      const until = performance.now() + killEverySeconds * 1_000;
      while (performance.now() < until)
        if (isOver()) return;
        else await wait(200);
      if (deck.length === 0) deck = [...struckParts];
      const [part = "worker"] = deck.splice(Math.floor(random() * deck.length), 1);
      await strike[part]();
      struck.push(part);
      say(
        `${((performance.now() - began) / 60_000).toFixed(1)} min: ${part} killed; ${sent.events.size} events, ${sent.conversions.count} conversions, ${sent.reports.size} claims, ${sent.files.names.length} files, ${backfills.count()} backfills`,
      );
    }
  })();
  await Promise.all([
    ...[watching, killing, sendConversions(of, webhookSecret, sent.conversions), sendClaims(of, recon, sent.reports)],
    ...[1, 2].map((lane) => sendEvents(of, lane, sent.events)),
    lookAtPages(of, cookie, pages),
    dropFiles(of, { importDir, isIn }, sent.files),
  ]);
  await Promise.all([worker.isUp(), api.isUp()]);
  const range = await backfills.finish();
  const ended = performance.now();
  say("time is up: what is under way is waited for");
  const windowMs = spanMs / 6;
  const result = await judgeSoak(
    { stack, sent, range, spools, vitals },
    {
      timings: timings.compare([began, began + windowMs], [began + spanMs - windowMs, ended]),
      early: [began + windowMs, began + 2 * windowMs],
      late: [began + spanMs - windowMs, ended],
    },
  );
  worker.end();
  api.end();
  return finding(result.holds, `${struck.length} kills in ${minutes} minutes; ${result.seen}`);
}

/** Offers and creatives, and rows older than their retention. */
async function fill({ database }: BenchStack): Promise<void> {
  await database.query(`
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
    values ('713', 1, 'one', 'one', 'https://one.example/'), ('713', 2, 'two', 'two', 'https://two.example/');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
    values ('713', 11, 1, 'a'), ('713', 12, 1, 'b'), ('713', 21, 2, 'c'), ('713', 22, 2, 'd');
    insert into ops.runs (run_id, _client_id, source, kind, workflow_id, started_at, finished_at, outcome)
    select 'old-' || n, '713', 'redtrack.daily_spend', 'sync', 'old', now() - interval '3 days', now() - interval '3 days', 'completed'
      from generate_series(1, 1000) n`);
  await database.query(
    "insert into rtb.creatives (_client_id, id, creative_id) select '713', n, n from unnest($1::bigint[]) n",
    [creativeIds(500)],
  );
}

async function logIn({ database }: BenchStack, api: string): Promise<string> {
  const holder = { client: "713", role: "admin" as const, advertiser: null, affiliateId: null, subject: "soak" };
  const link = await createLoginLink(database, { holder, minutes: 5, apiUrl: api });
  const answer = await fetch(link, { redirect: "manual" });
  const cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0]);
  if (cookie.length === 0) throw new Error(`the login was answered ${answer.status}`);
  return cookie.join("; ");
}

/** Every schedule that a deployment has, so many times as often. */
async function scheduleFast(stack: BenchStack): Promise<void> {
  const planned = plannedSchedules(loadConfig(stack.env, vendors, sources));
  await applySchedules(
    stack.temporal.client,
    planned.map(({ scheduleId, options }) => {
      const seconds = Math.max(leastSeconds, Math.round((minutesBetween(options.spec) * 60) / speed));
      return { scheduleId, options: { ...options, spec: { intervals: [{ every: `${seconds} seconds` }] } } };
    }),
  );
}

/** Of a calendar: an hour where it names a range of hours, a day where it names one. */
function minutesBetween({ intervals, calendars }: PlannedSchedule["options"]["spec"]): number {
  const every = intervals?.[0]?.every;
  if (typeof every === "string") return Number.parseInt(every, 10);
  return typeof calendars?.[0]?.hour === "number" ? 24 * 60 : 60;
}
