import { setTimeout as wait } from "node:timers/promises";
import { addDays } from "../../core/days.ts";
import { streamOf, webhookBody, type SandboxConversion } from "../../sandbox/anytrack-data.ts";
import { freePorts } from "../../scripts/embedded/process.ts";
import { keepRunning } from "../children.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { countDays, startBackfill, statusOf, untilOver, type Days } from "./backfill-kills.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const lastDay = "2025-12-18";
const daysPerBackfill = 60;
const lanes = 4;
const secret = "drill-webhook-secret-0123456789";
const parts = ["worker", "worker", "API", "API", "sandbox", "Postgres", "Temporal"] as const;
type Part = (typeof parts)[number];

export const kills: Drill = {
  rows: [1, 3, 4, 9],
  name: "kills",
  done: "worker, API, sandbox, Postgres and Temporal killed at random, again and again, while backfills run and conversions come in",
  expected: "rows lost 0, doubled 0, amounts as the vendor has them, each conversion once",
  run: async (setup) => {
    const [apiPort = 0] = await freePorts(1);
    const stack = await startBenchStack({
      temporalOnFile: true,
      settings: {
        REDTRACK_INTERVAL_MS: "150",
        WORKER_SHUTDOWN_GRACE_MS: "0",
        ANYTRACK_WEBHOOK_SECRET: secret,
        ANYTRACK_WEBHOOK_PER_MINUTE: "100000000",
        API_PORT: String(apiPort),
        LOG_LEVEL: "error",
      },
    });
    try {
      return await killAll(stack, `http://127.0.0.1:${apiPort}/hooks/anytrack/${secret}`, setup);
    } finally {
      await stack.stop();
    }
  },
};

async function killAll(stack: BenchStack, url: string, { kills: wanted, random, say }: DrillSetup) {
  const worker = keepRunning(() => stack.startWorker());
  const api = keepRunning(() => stack.startChild("api", "api/main.js"));
  await Promise.all([worker.isUp(), api.isUp()]);
  const strike: Record<Part, () => Promise<void>> = {
    worker: worker.kill,
    API: api.kill,
    sandbox: stack.restartSandbox,
    Postgres: stack.restartPostgres,
    Temporal: () => stack.restartTemporal(),
  };
  const sender = sendConversions(url);
  const backfills = runBackfills(stack);
  const struck = new Map<Part, number>();
  let deck: Part[] = [];
  for (let kill = 1; kill <= wanted; kill += 1) {
    if (deck.length === 0) deck = [...parts];
    const [part = "worker"] = deck.splice(Math.floor(random() * deck.length), 1);
    await wait(100 + random() * 1_400);
    await strike[part]();
    struck.set(part, (struck.get(part) ?? 0) + 1);
    if (kill % 10 === 0)
      say(`${kill} kills, ${backfills.count()} backfills begun, ${sender.sent.length} conversions sent`);
  }
  await Promise.all([worker.isUp(), api.isUp()]);
  const sent = await sender.stop();
  const range = await backfills.finish();
  worker.end();
  api.end();
  return judge(stack, { range, sent, struck });
}

async function judge(stack: BenchStack, ended: { range: Days; sent: SandboxConversion[]; struck: Map<Part, number> }) {
  const days = await countDays(stack, ended.range);
  const { rows } = await stack.database.query<{ conversions: number; doubled: number; cents: number; missing: number }>(
    `select count(*) as conversions, count(*) - count(distinct click_id) as doubled,
            (coalesce(sum(revenue), 0) * 100)::bigint as cents,
            (select count(*) from unnest($1::text[]) as wanted (click_id)
              where not exists (select from anytrack.conversions c where c.click_id = wanted.click_id)) as missing
       from anytrack.conversions`,
    [ended.sent.map(({ clickId }) => clickId)],
  );
  const { conversions = 0, doubled = 0, cents = 0, missing = 0 } = rows[0] ?? {};
  const owed = ended.sent.reduce((sum, one) => sum + one.cents, 0);
  const lost = days.lost + missing;
  const twice = days.doubled + doubled;
  const sumsDiffer = days.costStored !== days.costVendor || cents !== owed;
  const count = [...ended.struck.values()].reduce((sum, one) => sum + one, 0);
  return finding(
    lost + twice + days.differences === 0 &&
      !sumsDiffer &&
      conversions === ended.sent.length &&
      days.current === days.days &&
      days.firsts === days.rows,
    `${count} kills (${[...ended.struck].map(([part, times]) => `${part} ${times}`).join(", ")}); ${days.rows} rows of ${days.days} days and ${conversions} conversions: lost ${lost}, doubled ${twice}, ${days.differences} differ; cost ${days.costStored} of ${days.costVendor}, revenue ${cents} of ${owed} cents`,
  );
}

/** One backfill after the other, each of the days before the last one's, so that every one has rows to lose. */
export function runBackfills(stack: BenchStack) {
  let enough = false;
  let count = 0;
  let from = addDays(lastDay, 1);
  const retry = async (work: () => Promise<void>) => {
    while (
      await work().then(
        () => false,
        () => true,
      )
    )
      await wait(200);
  };
  const loop = (async () => {
    while (!enough) {
      const to = addDays(from, -1);
      from = addDays(to, 1 - daysPerBackfill);
      const name = `kills/${(count += 1)}`;
      const days = { from, to };
      // Whether a start that got no answer happened is asked for, or the next try would be refused as a second one.
      await retry(async () => {
        if ((await statusOf(stack, name)) !== "RUNNING") await startBackfill(stack, name, days);
      });
      await untilOver(stack, name);
    }
  })();
  return {
    count: () => count,
    finish: async (): Promise<Days> => {
      enough = true;
      await loop;
      return { from, to: lastDay };
    },
  };
}

/** Sends new conversions until stopped; each is repeated until it is accepted. */
function sendConversions(url: string) {
  const sent: SandboxConversion[] = [];
  let stopped = false;
  let batch = 0;
  const post = (body: unknown) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    }).then(
      async (response) => (await response.arrayBuffer(), response.status === 200),
      () => false,
    );
  const lane = async () => {
    while (!stopped) {
      for (const conversion of streamOf("713", `kills-${(batch += 1)}`, 10, "2026-03-08T12:00:00Z")) {
        sent.push(conversion);
        while (!(await post(webhookBody(conversion)))) await wait(100);
        await wait(50);
      }
    }
  };
  const working = Promise.all(Array.from({ length: lanes }, lane));
  return {
    sent,
    stop: async () => {
      stopped = true;
      await working;
      return sent;
    },
  };
}
