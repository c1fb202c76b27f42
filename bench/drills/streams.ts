import type { ChildProcess } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import {
  kinesisSettings,
  startKeptKafka,
  startKinesis,
  type KeptKafkaBroker,
  type KinesisBroker,
} from "../brokers/brokers.ts";
import { killChild } from "../children.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const kills = 20;
const creatives = 40;
const perPut = 400;

export const streams: Drill = {
  rows: [1, 4, 5],
  name: "streams",
  done: `the consumer of a topic killed ${kills} times with messages read and not committed, of Kafka and Kinesis, replacing and adding; Postgres killed in between, Kafka's broker, too, and Kinesis frozen`,
  expected: "each message counted once: the table as the messages add up",
  run: async (setup) => {
    const stack = await startBenchStack();
    const [kafka, kinesis] = await Promise.all([startKeptKafka(), startKinesis()]);
    try {
      await stack.database.query(
        "insert into rtb.creatives (_client_id, creative_id) select '713', n::text from generate_series(1, $1) n",
        [4 * creatives],
      );
      const all = [];
      let first = 0;
      for (const kind of ["kafka", "kinesis"] as const)
        for (const combine of ["replace", "add"] as const) {
          all.push(await killWhileRead({ stack, kafka, kinesis }, setup, { kind, combine, first }));
          first += creatives;
        }
      return finding(
        all.every(({ holds }) => holds),
        all.map(({ seen }) => seen).join("; "),
      );
    } finally {
      await Promise.all([kafka.stop(), kinesis.stop()]);
      await stack.stop();
    }
  },
};

interface Servers {
  stack: BenchStack;
  kafka: KeptKafkaBroker;
  kinesis: KinesisBroker;
}

interface Topic {
  kind: "kafka" | "kinesis";
  combine: "replace" | "add";
  /** Its creatives are those after this one. */
  first: number;
}

async function killWhileRead({ stack, kafka, kinesis }: Servers, { random, say }: DrillSetup, topic: Topic) {
  const { kind, combine, first } = topic;
  const name = `${kind}-${combine}`;
  const declared = { [kind]: name, combine, ...(combine === "add" ? { eventId: "event" } : {}) };
  const env = {
    STREAMS: JSON.stringify([declared]),
    STREAMS_FLUSH_SECONDS: "1",
    KAFKA_BROKERS: kafka.address,
    KAFKA_TLS: "off",
    ...kinesisSettings(kinesis.address),
  };
  const start = () => stack.startChild(`consumer-${name}`, "workers/consume/main.js", { env });
  const stored = new Map<number, number>();
  let sent = 0;
  if (kind === "kinesis") await kinesis.create(name, 1);
  const put = async () => {
    const values = Array.from({ length: perPut }, () => {
      sent += 1;
      const creative = first + 1 + Math.floor(random() * creatives);
      const impressions = 1 + Math.floor(random() * 1_000);
      stored.set(creative, combine === "add" ? (stored.get(creative) ?? 0) + impressions : impressions);
      return JSON.stringify({
        creative_id: String(creative),
        date: "2025-12-01",
        impressions,
        clicks: 0,
        spend: "0.01",
        event: sent,
      });
    });
    const plain = combine === "add" ? values : values.map((value) => value.replace(/,"event":\d+/, ""));
    await (kind === "kafka" ? kafka.put(name, 0, plain) : kinesis.put(name, "one", plain));
  };
  let consumer: ChildProcess = await start();
  let struck = 0;
  let inside = 0;
  while (struck < kills) {
    await put();
    inside += (await caughtStoring(stack, random)) ? 1 : 0;
    await killChild(consumer);
    struck += 1;
    consumer = await start();
    if (struck === kills / 2) {
      await stack.restartPostgres();
      // A consumer that runs goes on by itself. Kinesis' server keeps nothing that it could come back with.
      if (kind === "kafka") await kafka.kill();
      else kinesis.freeze();
      await wait(5_000);
      if (kind === "kafka") await kafka.comeBack();
      else kinesis.thaw();
    }
    say(`${name}: kill ${struck}, ${inside} of them in a transaction`);
  }
  await put();
  const holds = await comesTo(stack, topic, stored);
  await killChild(consumer);
  return {
    holds,
    seen: `${name}: ${sent} messages, ${struck} kills (${inside} in the transaction), ${holds ? "each counted once" : "the table differs"}`,
  };
}

/** Waits until the consumer is in the transaction that stores what it read; a moment more, and it is time. */
async function caughtStoring({ database }: BenchStack, random: () => number): Promise<boolean> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    const { rowCount } = await database
      .query(
        "select from pg_stat_activity where datname = current_database() and application_name = 'signal-room consumer' and xact_start is not null",
      )
      .catch(() => ({ rowCount: 0 }));
    if ((rowCount ?? 0) > 0) {
      await wait(random() * 60);
      return true;
    }
    await wait(2);
  }
  return false;
}

async function comesTo(
  { database }: BenchStack,
  { first }: Topic,
  stored: ReadonlyMap<number, number>,
): Promise<boolean> {
  const wanted = JSON.stringify([...stored].sort(([one], [other]) => one - other));
  for (const end = Date.now() + 120_000; Date.now() < end; await wait(500)) {
    const { rows } = await database.query<{ creative: number; impressions: number }>(
      `select c.creative_id::int as creative, sum(p.impressions)::int as impressions from rtb.performance_metrics p
         join rtb.creatives c on c._client_id = p._client_id and c.id = p.creative_id
        where c.creative_id::int > $1 and c.creative_id::int <= $1 + $2 group by 1 order by 1`,
      [first, creatives],
    );
    if (JSON.stringify(rows.map(({ creative, impressions }) => [creative, impressions])) === wanted) return true;
  }
  return false;
}
