import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { issueToken, type Role } from "../../core/tokens.ts";
import { streamOf, webhookBody } from "../../sandbox/anytrack-data.ts";
import { freePorts } from "../../scripts/embedded/process.ts";
import { mainQueue } from "../../temporal.config.ts";
import { writePerformanceFile, type PerformanceFile } from "../performance-files.ts";
import { findPgBouncer, startPooler, type Pooler } from "../pooler.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { countDays, startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, notRun, type Drill, type DrillSetup } from "./drill.ts";
import { compare } from "./ingest-kills.ts";

const range = { from: "2025-11-01", to: "2025-12-15" };
const workers = 4;
const connections = 10;
const conversions = 300;
const rows = 20_000;
const limit = 150;
const webhookSecret = "drill-webhook-secret-0123456789";
const tokenSecret = "drill-token-secret-0123456789-0123456789";

interface Pooled {
  stack: BenchStack;
  pooler: Pooler;
  /** Where the two APIs answer. */
  apis: readonly [string, string];
  importDir: string;
  file: PerformanceFile;
}

export const pooled: Drill = {
  rows: [],
  name: "pooled",
  done: `two APIs and ${workers} workers reach Postgres through PgBouncer in transaction mode, over ${connections} connections; it is killed while they work`,
  expected:
    "every row, file and conversion as without it; one limit for both APIs; each API sees at once what the other has changed; no lock and no setting is left on a connection",
  run: async (setup) => {
    const command = await findPgBouncer();
    if (command === null) return notRun("PgBouncer is not installed (Debian has it as `pgbouncer`)");
    const ports = await freePorts(2);
    const stack = await startBenchStack({
      settings: {
        ...{ REDTRACK_INTERVAL_MS: "50", LOG_LEVEL: "warn", API_RATE_LIMIT_PER_MINUTE: String(limit) },
        ...{ ANYTRACK_WEBHOOK_SECRET: webhookSecret, API_JWT_SECRET: tokenSecret },
      },
    });
    let pooler: Pooler | null = null;
    try {
      const importDir = path.join(stack.folder, "import");
      await mkdir(importDir);
      const file = await writePerformanceFile(path.join(importDir, "day.csv"), { rows });
      await stack.database.query(
        "insert into rtb.creatives (_client_id, id, creative_id) select '713', n, n from unnest($1::bigint[]) n",
        [file.creatives],
      );
      pooler = await startPooler(command, { folder: stack.folder, url: stack.env["DATABASE_URL"] ?? "", connections });
      Object.assign(stack.env, { DATABASE_URL: pooler.url, DATABASE_POOL_MODE: "transaction", IMPORT_DIR: importDir });
      await Promise.all([
        ...Array.from({ length: workers }, () => stack.startWorker()),
        ...ports.map((port) => stack.startChild("api", "api/main.js", { env: { API_PORT: String(port) } })),
      ]);
      const [first, second] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string];
      return await work({ stack, pooler, apis: [first, second], importDir, file }, setup);
    } finally {
      await pooler?.stop();
      await stack.stop();
    }
  },
};

async function work(of: Pooled, { say }: DrillSetup) {
  const { stack, pooler } = of;
  await startBackfill(stack, "pooled", range);
  const ingesting = await stack.temporal.client.workflow.start("ingestFile", {
    ...{ workflowId: "pooled/file", taskQueue: mainQueue, args: [{ path: "day.csv" }] },
  });
  const sending = sendTwice(of);
  await wait(1_500);
  await pooler.restart();
  say("killed PgBouncer, and started it again");
  await Promise.all([untilOver(stack, "pooled"), ingesting.result(), sending]);
  say("the backfill, the file and the conversions are in");

  const stored = await readStored(stack);
  const days = await countDays(stack, range);
  const ingested = await compare(of, "day.csv", of.file);
  const stale = await changeInTurns(of);
  const letIn = await countLetIn(of);
  const refused = [...(await pooler.log()).matchAll(/unsupported startup parameter|prepared statement/g)].length;
  const holds =
    days.lost + days.doubled + days.differences === 0 &&
    days.costStored === days.costVendor &&
    ingested.good &&
    stored.conversions === conversions &&
    stored.events === conversions &&
    stale === 0 &&
    letIn === limit &&
    stored.locks === 0 &&
    stored.servers <= connections &&
    refused === 0;
  return finding(
    holds,
    `${days.rows} rows: lost ${days.lost}, doubled ${days.doubled}, ${days.differences} differ; the file: ${ingested.seen}; ${stored.conversions} conversions of ${conversions}, each sent to both APIs; ${stored.servers} connections to Postgres, ${stored.locks} locks left; ${stale} of ${turns} changes seen late; ${letIn} of ${2 * limit} requests let in at a limit of ${limit}`,
  );
}

/** Each conversion to both APIs, until both have taken it. */
async function sendTwice({ apis }: Pooled): Promise<void> {
  const queue = [...streamOf("713", "pooled", conversions, "2026-03-08T12:00:00Z")].flatMap((conversion) =>
    apis.map((api) => ({
      url: `${api}/hooks/anytrack/${webhookSecret}`,
      body: JSON.stringify(webhookBody(conversion)),
    })),
  );
  const lane = async () => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
      const { url, body } = one;
      while (!(await post(url, body))) await wait(100);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

const post = (url: string, body: string) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body }).then(
    async (response) => (await response.arrayBuffer(), response.status === 200),
    () => false,
  );

async function readStored({ database }: BenchStack) {
  const { rows: found } = await database.query<Record<"conversions" | "events" | "locks" | "servers", number>>(
    `select (select count(*) from anytrack.conversions where click_id like 'atclk\\_713-pooled-%') as conversions,
            (select count(*) from anytrack.webhook_events where click_id like 'atclk\\_713-pooled-%') as events,
            (select count(*) from pg_locks where locktype = 'advisory') as locks,
            (select count(*) from pg_stat_activity where datname = current_database() and application_name like 'signal-room%') as servers`,
  );
  return found[0] ?? { conversions: 0, events: 0, locks: -1, servers: -1 };
}

const turns = 20;
const bearer = async (role: Role, subject: string) => ({
  authorization: `Bearer ${await issueToken({ secret: tokenSecret, client: "713", role, subject, expiresInSeconds: 600 })}`,
});

/** One API takes a change, and the other is asked for it at once: how often it answered what was before. */
async function changeInTurns({ apis }: Pooled): Promise<number> {
  let late = 0;
  const headers = { ...(await bearer("admin", "drill")), "content-type": "application/json" };
  for (let turn = 0; turn < turns; turn += 1) {
    const [one, other] = turn % 2 === 0 ? apis : [apis[1], apis[0]];
    const label = `label ${turn}`;
    const items = [{ redtrackSourceId: "1", everflowAffiliateLabel: label, isInternal: true }];
    const put = await fetch(`${one}/api/v1/cost/mapping`, {
      ...{ method: "PUT", headers, body: JSON.stringify({ items }) },
    });
    if (!put.ok) throw new Error(`the mapping was answered ${put.status}: ${await put.text()}`);
    const seen = await (await fetch(`${other}/api/v1/cost/mapping`, { headers })).text();
    if (!seen.includes(JSON.stringify(label))) late += 1;
  }
  return late;
}

/** Twice as many requests of one caller as are allowed, to both APIs in turn: how many were answered. */
async function countLetIn({ apis }: Pooled): Promise<number> {
  // Not across the end of a minute: then the count starts again.
  const second = new Date().getSeconds();
  if (second > 30) await wait((61 - second) * 1_000);
  const headers = await bearer("analyst", "hasty");
  let count = 0;
  for (let index = 0; index < 2 * limit; index += 1) {
    const { status } = await fetch(`${apis[index % 2]}/api/v1/cost/mapping`, { headers });
    if (status === 200) count += 1;
  }
  return count;
}
