// AnyTrack's webhook under fire: every conversion is posted several times, in an order of chance, from many connections,
// while the API and Postgres are killed. The sender tries again until it is answered 200. At the end there is one
// conversion each, with the right amounts.
// npm run webhook-storm -- [conversions] [repeats] [connections]
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { freePorts } from "../scripts/embedded/process.ts";
import { startBenchStack } from "./stack.ts";

const [conversions = 1_000, repeats = 3, connections = 20] = process.argv.slice(2).map(Number);
const kills = 2;
const secret = "bench-webhook-secret-0123456789";

interface Sending {
  posts: number;
  accepted: number;
  failed: number;
  statuses: Record<string, number>;
  tookMs: number | null;
}

const [apiPort = 0] = await freePorts(1);
const stack = await startBenchStack({
  settings: {
    ANYTRACK_WEBHOOK_SECRET: secret,
    ANYTRACK_WEBHOOK_PER_MINUTE: "100000000",
    API_PORT: String(apiPort),
    LOG_LEVEL: "error",
  },
});
let failed = true;
try {
  let api: ChildProcess = await stack.startChild("api", "api/main.js");
  const url = `http://127.0.0.1:${apiPort}/hooks/anytrack/${secret}`;
  const begin = async (name: string) =>
    (
      (await stack.control("POST", "/anytrack/webhooks", {
        url,
        name,
        count: conversions,
        repeats,
        shuffle: true,
        connections,
        retryMs: 50,
      })) as { id: number }
    ).id;
  const progress = async (id: number) =>
    ((await stack.control("GET", "/anytrack/webhooks")) as Sending[])[id] as Sending;
  const until = async (id: number, accepted: number) => {
    for (let now = await progress(id); now.tookMs === null && now.accepted < accepted; now = await progress(id))
      await wait(5);
  };

  const calm = await begin("calm");
  await until(calm, Infinity);
  await report("calm", await progress(calm));

  const storm = await begin("storm");
  const posts = conversions * repeats;
  for (let kill = 0; kill < kills; kill += 1) {
    await until(storm, (posts * (2 * kill + 1)) / (2 * kills + 1));
    const gone = once(api, "exit");
    api.kill("SIGKILL");
    await gone;
    const before = await progress(storm);
    api = await stack.startChild("api", "api/main.js");
    console.log(`killed the API at ${before.accepted} of ${posts} posts`);
    await until(storm, (posts * (2 * kill + 2)) / (2 * kills + 1));
    const { accepted } = await progress(storm);
    await stack.restartPostgres();
    console.log(`killed Postgres at ${accepted} of ${posts} posts`);
  }
  await until(storm, Infinity);
  await report("storm", await progress(storm));
  failed = false;
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

async function report(name: string, { accepted, failed: again, statuses, tookMs }: Sending): Promise<void> {
  const { rows } = await stack.database.query<{ conversions: number; sales: number; events: number; wrong: number }>(
    `select count(*) as conversions, count(*) filter (where type = 'SALE') as sales,
            (select count(*) from anytrack.webhook_events where click_id like $1) as events,
            count(*) filter (where (type = 'SALE') <> (revenue > 0) is true or affiliate_id is null or seen_by_webhook_at is null) as wrong
       from anytrack.conversions where click_id like $1`,
    [`atclk_713-${name}-%`],
  );
  const [found] = rows;
  const good = found?.conversions === conversions && found.events === conversions && found.wrong === 0;
  const rate = tookMs === null ? 0 : Math.round((1_000 * accepted) / tookMs);
  console.log(
    `${good ? "ok  " : "FAIL"} ${name}: ${accepted} posts taken in ${tookMs} ms (${rate} a second), ${again} tried again, answers ${JSON.stringify(statuses)}: ${JSON.stringify(found)}`,
  );
  if (!good) throw new Error(`${name}: expected ${conversions} conversions`);
}
