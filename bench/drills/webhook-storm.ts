import type { ChildProcess } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { freePorts } from "../../scripts/embedded/process.ts";
import { killChild } from "../children.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const conversions = 1_000;
const repeats = 3;
const connections = 20;
const kills = 2;
const posts = conversions * repeats;
const secret = "bench-webhook-secret-0123456789";

interface Sending {
  posts: number;
  accepted: number;
  failed: number;
  statuses: Record<string, number>;
  tookMs: number | null;
}

export const webhookStorm: Drill = {
  rows: [4, 19],
  name: "webhook-storm",
  done: `each of ${conversions} conversions posted ${repeats} times in an order of chance over ${connections} connections; API and Postgres killed ${kills} times each`,
  expected: "one conversion and one event each, with the right amounts",
  run: async ({ say }) => {
    const [apiPort = 0] = await freePorts(1);
    const stack = await startBenchStack({
      settings: {
        ANYTRACK_WEBHOOK_SECRET: secret,
        ANYTRACK_WEBHOOK_PER_MINUTE: "100000000",
        API_PORT: String(apiPort),
        LOG_LEVEL: "error",
      },
    });
    try {
      await storm(stack, `http://127.0.0.1:${apiPort}/hooks/anytrack/${secret}`, say);
      return await judge(stack);
    } finally {
      await stack.stop();
    }
  },
};

async function storm(stack: BenchStack, url: string, say: DrillSetup["say"]): Promise<void> {
  let api: ChildProcess = await stack.startChild("api", "api/main.js");
  await stack.control("POST", "/anytrack/webhooks", {
    url,
    name: "storm",
    count: conversions,
    repeats,
    shuffle: true,
    connections,
    retryMs: 50,
  });
  for (let kill = 0; kill < kills; kill += 1) {
    await until(stack, (posts * (2 * kill + 1)) / (2 * kills + 1));
    await killChild(api);
    say(`killed the API at ${(await progress(stack)).accepted} of ${posts} posts`);
    api = await stack.startChild("api", "api/main.js");
    await until(stack, (posts * (2 * kill + 2)) / (2 * kills + 1));
    say(`killed Postgres at ${(await progress(stack)).accepted} of ${posts} posts`);
    await stack.restartPostgres();
  }
  await until(stack, Infinity);
}

async function progress(stack: BenchStack): Promise<Sending> {
  const [sending] = (await stack.control("GET", "/anytrack/webhooks")) as Sending[];
  if (sending === undefined) throw new Error("nothing is being sent");
  return sending;
}

async function until(stack: BenchStack, accepted: number): Promise<void> {
  for (let now = await progress(stack); now.tookMs === null && now.accepted < accepted; now = await progress(stack))
    await wait(5);
}

async function judge(stack: BenchStack) {
  const { accepted, failed, tookMs } = await progress(stack);
  const { rows } = await stack.database.query<{ conversions: number; sales: number; events: number; wrong: number }>(
    `select count(*) as conversions, count(*) filter (where type = 'SALE') as sales,
            (select count(*) from anytrack.webhook_events where click_id like 'atclk\\_713-storm-%') as events,
            count(*) filter (where (type = 'SALE') <> (revenue > 0) is true or affiliate_id is null or seen_by_webhook_at is null) as wrong
       from anytrack.conversions where click_id like 'atclk\\_713-storm-%'`,
  );
  const [found] = rows;
  return finding(
    found?.conversions === conversions && found.events === conversions && found.wrong === 0,
    `${accepted} posts accepted in ${tookMs} ms, ${failed} sent again; ${found?.conversions} conversions, ${found?.events} events, ${found?.wrong} wrong`,
  );
}
