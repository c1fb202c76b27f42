// The consumer of streams beside a plain one (read, insert, commit): same broker, same messages, same Postgres, in turn.
// Messages a second, what of the processor each message takes, and whether memory stays flat over many.
// npm run bench:consume -- [--messages 200k] [--rounds 3] [--long 1m] [--kinds kafka,kinesis]
import type { ChildProcess } from "node:child_process";
import os from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { addDays } from "../core/days.ts";
import { median } from "../core/quantiles.ts";
import { openDatabase } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { kinesisSettings, startKeptKafka, startKinesis } from "./brokers/brokers.ts";
import { Children, killChild } from "./children.ts";
import { createChance } from "./drills/chance.ts";
import { memoryMbOf } from "./process-memory.ts";
import { processorTimeBetween, readProcessorTime, type ProcessorTime } from "./processor-time.ts";
import { startBenchPostgres } from "./stack.ts";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "200k" },
    rounds: { type: "string", default: "3" },
    long: { type: "string", default: "1m" },
    kinds: { type: "string", default: "kafka,kinesis" },
  },
});
const messages = numberOf(values.messages);
const rounds = Number(values.rounds);
const long = numberOf(values.long);
const kinds = values.kinds.split(",") as Kind[];
type Kind = "kafka" | "kinesis";
type Combine = "replace" | "add";
const creatives = 2_000;
const partitions = 4;
const putAtOnce = 5_000;
const patienceMs = 900_000;

const { folder, postgres, stop } = await startBenchPostgres();
const [kafka, kinesis] = await Promise.all([startKeptKafka(), kinds.includes("kinesis") ? startKinesis() : null]);
await migrateDatabase(postgres.url);
const database = openDatabase({ url: postgres.url, poolSize: 4, name: "bench", statementTimeoutMs: 600_000 });
const children = new Children(folder, {
  ...{ DATABASE_URL: postgres.url, KAFKA_BROKERS: kafka.address, KAFKA_TLS: "off", LOG_LEVEL: "error" },
  ...kinesisSettings(kinesis?.address ?? "http://127.0.0.1:1"),
});
const random = createChance(18);
const progressOf = {
  ours: "select coalesce(sum(messages), 0)::int as stored from ops.stream_partitions",
  plain: "select coalesce(sum(messages), 0)::int as stored from public.plain_progress",
};
type Way = keyof typeof progressOf;
const stored = async (way: Way) => (await database.query<{ stored: number }>(progressOf[way])).rows[0]?.stored ?? 0;
let failed = true;
try {
  await database.query(
    `insert into rtb.creatives (_client_id, creative_id) select '713', n::text from generate_series(1, ${creatives}) n;
     create table public.plain_performance (creative_id text, date date, geography text, device_type text, impressions bigint, clicks bigint,
       spend numeric(20, 6), primary key (creative_id, date, geography, device_type));
     create table public.plain_progress (messages bigint)`,
  );
  console.log(`load ${os.loadavg()[0]?.toFixed(1) ?? "?"} on ${os.cpus().length} processors`);
  for (const kind of kinds) for (const combine of ["replace", "add"] as const) await beside(kind, combine);
  if (long > 0) await memory();
  failed = false;
} finally {
  children.killAll();
  await Promise.all([kafka.stop(), kinesis?.stop()]);
  await database.end();
  await stop();
}
process.exit(failed ? 1 : 0);

/** Rows as senders have them: a creative's day by country and device, many of which come again. By partition: one key, one partition. */
function made(from: number, many: number, combine: Combine): string[][] {
  const batches: string[][] = Array.from({ length: partitions }, () => []);
  for (let event = from; event < from + many; event += 1) {
    const impressions = 1 + Math.floor(random() * 5_000);
    const creative = 1 + Math.floor(random() * creatives);
    const row = {
      creative_id: String(creative),
      date: addDays("2025-12-18", -Math.floor(random() * 30)),
      geography: ["BR", "IN", "MX", "US"][Math.floor(random() * 4)],
      device_type: random() < 0.7 ? "mobile" : "desktop",
      impressions,
      clicks: Math.floor(impressions * random() * 0.05),
      spend: (impressions * random() * 0.002).toFixed(4),
      ...(combine === "add" ? { event } : {}),
    };
    batches[creative % partitions]?.push(JSON.stringify(row));
  }
  return batches;
}

async function fill(kind: Kind, topic: string, of: { combine: Combine; many: number; from?: number }): Promise<void> {
  for (let at = 0; at < of.many; at += putAtOnce) {
    const batches = made((of.from ?? 0) + at, Math.min(putAtOnce, of.many - at), of.combine);
    if (kind === "kinesis") await kinesis?.put(topic, "one", batches.flat());
    else for (const [partition, batch] of batches.entries()) await kafka.put(topic, partition, batch);
  }
}

function ours(kind: Kind, topic: string, combine: Combine): Promise<ChildProcess> {
  const declared = { [kind]: topic, combine, ...(combine === "add" ? { eventId: "event" } : {}) };
  return children.start("consumer", "workers/consume/main.js", { env: { STREAMS: JSON.stringify([declared]) } });
}

function plain(kind: Kind, topic: string, combine: Combine): Promise<ChildProcess> {
  const address = kind === "kafka" ? kafka.address : (kinesis?.address ?? "");
  return children.start("plain", "bench/consume-plain.js", { given: [kind, topic, combine, address] });
}

async function emptied(): Promise<void> {
  await database.query(
    `truncate rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers, ops.quarantine, ops.alerts,
       ops.streams, ops.stream_partitions, ops.stream_batches, ops.stream_events, ops.stream_consumers, public.plain_performance, public.plain_progress`,
  );
}

interface Measured {
  perSecond: number;
  /** Microseconds of processor for each message. */
  processor: ProcessorTime;
}

/**
 * From the first batch that is stored to nine tenths of all: how long it takes to start, and to join a group, is no
 * throughput, and neither is the wait for more before the last batch.
 */
async function take(way: Way, child: ChildProcess, many: number): Promise<Measured> {
  const reaches = async (wanted: number) => {
    for (const end = Date.now() + patienceMs; ; await wait(25)) {
      const seen = await stored(way);
      if (seen >= wanted) return { seen, at: performance.now() };
      if (child.exitCode !== null) throw new Error(`${way} has ended`);
      if (Date.now() > end) throw new Error(`${way} has stored ${seen} of ${many}`);
    }
  };
  const first = await reaches(1);
  const before = await readProcessorTime();
  const last = await reaches(Math.ceil(0.9 * many));
  const took = processorTimeBetween(before, await readProcessorTime());
  await reaches(many);
  await killChild(child);
  const counted = last.seen - first.seen;
  return {
    perSecond: (counted * 1_000) / (last.at - first.at),
    processor: Object.fromEntries(Object.entries(took).map(([part, seconds]) => [part, (seconds * 1e6) / counted])),
  };
}

async function beside(kind: Kind, combine: Combine): Promise<void> {
  const topic = `${kind}-${combine}`;
  // moto's server takes a thousand records a second or so.
  const many = kind === "kafka" ? messages : Math.ceil(messages / 5);
  if (kind === "kinesis") await kinesis?.create(topic, 1);
  await fill(kind, topic, { combine, many });
  const measured: Record<Way, Measured[]> = { ours: [], plain: [] };
  const sums = new Set<string>();
  for (let round = 0; round < rounds; round += 1)
    for (const way of round % 2 === 0 ? (["ours", "plain"] as const) : (["plain", "ours"] as const)) {
      await emptied();
      const child = await (way === "ours" ? ours : plain)(kind, topic, combine);
      measured[way].push(await take(way, child, many));
      sums.add(await sumsOf(way));
      if (sums.size > 1) throw new Error(`not all have stored the same: ${[...sums].join(" and ")}`);
    }
  const of = (way: Way) => median(measured[way].map(({ perSecond }) => perSecond));
  console.log(`\n${kind}, ${combine}: ${many.toLocaleString("en")} messages, medians of ${rounds}`);
  for (const way of ["ours", "plain"] as const) {
    const parts = Object.keys(measured[way][0]?.processor ?? {});
    const processor = parts
      .map((part) => ({ part, us: median(measured[way].map((one) => one.processor[part] ?? 0)) }))
      .filter(({ us }) => us >= 1)
      .sort((one, other) => other.us - one.us)
      .map(({ part, us }) => `${part} ${us.toFixed(0)}`);
    console.log(
      `  ${way.padEnd(6)} ${Math.round(of(way)).toLocaleString("en").padStart(8)} messages a second; microseconds of processor for each: ${processor.join(", ")}`,
    );
  }
  console.log(`  ours against the plain one: ${(of("ours") / of("plain")).toFixed(2)}`);
}

async function sumsOf(way: Way): Promise<string> {
  const table = way === "ours" ? "rtb.performance_metrics" : "public.plain_performance";
  const { rows } = await database.query<{ sums: string }>(
    `select concat_ws(' ', count(*), sum(impressions), sum(clicks), trim_scale(sum(spend))) as sums from ${table}`,
  );
  return rows[0]?.sums ?? "";
}

/** Messages keep coming for a long time: what the process holds after a tenth of them, and at the end. */
async function memory(): Promise<void> {
  await emptied();
  const topic = "long";
  const tenth = Math.ceil(long / 10);
  await fill("kafka", topic, { combine: "add", many: tenth });
  const child = await ours("kafka", topic, "add");
  const held: number[] = [];
  for (let part = 1; part <= 10; part += 1) {
    while ((await stored("ours")) < part * tenth) {
      if (child.exitCode !== null) throw new Error("the consumer has ended");
      await wait(100);
    }
    held.push(await memoryMbOf(child.pid));
    if (part < 10) await fill("kafka", topic, { combine: "add", many: tenth, from: part * tenth });
  }
  const peak = await memoryMbOf(child.pid, "VmHWM");
  await killChild(child);
  console.log(
    `\n${(10 * tenth).toLocaleString("en")} messages with add: ${held[0]?.toFixed(0)} MB after the first tenth, ${held.at(-1)?.toFixed(0)} MB at the end (${held.map((mb) => mb.toFixed(0)).join(", ")}), ${peak.toFixed(0)} MB at most`,
  );
}

function numberOf(text: string): number {
  const [, digits = "0", unit = ""] = /^(\d+)([km]?)$/.exec(text) ?? [];
  return Number(digits) * ({ k: 1_000, m: 1_000_000 }[unit] ?? 1);
}
