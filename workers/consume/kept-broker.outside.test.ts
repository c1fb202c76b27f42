import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { startKeptKafka, type KeptKafkaBroker, type KeptKafkaOptions } from "../../bench/brokers/brokers.ts";
import { startConsumer, type Declared } from "../../test/consuming.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { eventually } from "../../test/eventually.ts";

jest.setTimeout(300_000);

const patienceMs = 90_000;
let database: TestDatabase;
let folder: string;
const lines: string[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-test-"));
});
beforeEach(async () => {
  lines.length = 0;
  await database.pool.query(
    `truncate rtb.creative_thumbnails, rtb.creatives, rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers,
       ops.quarantine, ops.alerts, ops.streams, ops.stream_partitions, ops.stream_batches, ops.stream_events, ops.stream_consumers;
     insert into rtb.creatives (_client_id, creative_id) values ('713', '1')`,
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

async function broker(options: KeptKafkaOptions = {}): Promise<KeptKafkaBroker> {
  const started = await startKeptKafka(options);
  closing.push(() => started.stop());
  return started;
}

function consume(declared: Declared, settings: Record<string, string>) {
  const one = startConsumer({ database, declared, settings, lines });
  closing.push(() => one.stop());
  return one;
}

const row = (event: number) =>
  JSON.stringify({ creative_id: "1", date: "2025-12-01", impressions: 10, clicks: 1, spend: "0.50", event });
const added = { combine: "add", eventId: "event" } as const;
const impressions = async () =>
  (
    await database.pool.query<{ sum: number }>(
      "select coalesce(sum(impressions), 0)::int as sum from rtb.performance_metrics",
    )
  ).rows[0]?.sum;
const reaches = (wanted: number) => eventually(async () => expect(await impressions()).toBe(wanted), patienceMs);
const notRead = () => eventually(() => expect(lines.join("")).toContain("is tried again"), patienceMs);

const login = { username: "reader", password: "canary-of-kafka" };

test.each(["plain", "scram-sha-256", "scram-sha-512"] as const)(
  "a broker with TLS is read after a login by %s; with another password, or a certificate that is not known, it is not",
  async (mechanism) => {
    const kafka = await broker({ tls: true, login: { mechanism, ...login } });
    const certificate = path.join(folder, `${mechanism}.pem`);
    await writeFile(certificate, kafka.certificate);
    await kafka.put("rows", 0, [row(1), row(2)]);
    const settings = {
      KAFKA_BROKERS: kafka.address,
      KAFKA_CA_FILE: certificate,
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USERNAME: login.username,
      KAFKA_SASL_PASSWORD: login.password,
    };
    const wrong = consume({ kafka: "rows", ...added }, { ...settings, KAFKA_SASL_PASSWORD: "canary-of-another" });
    await notRead();
    await wrong.stop();
    lines.length = 0;
    const { KAFKA_CA_FILE: _known, ...unknown } = settings;
    const distrustful = consume({ kafka: "rows", ...added }, unknown);
    await notRead();
    await distrustful.stop();
    expect(await impressions()).toBe(0);
    consume({ kafka: "rows", ...added }, settings);
    await reaches(20);
    expect(lines.join("")).not.toMatch(/canary-of-/);
  },
);

test("a broker that is killed and comes back is read on from where it was, by the consumer that ran meanwhile", async () => {
  const kafka = await broker();
  let events = 0;
  const put = async (many: number) => {
    for (const partition of [0, 1, 2, 3])
      await kafka.put(
        "rows",
        partition,
        Array.from({ length: many }, () => row((events += 1))),
      );
  };
  await put(50);
  consume({ kafka: "rows", ...added }, { KAFKA_BROKERS: kafka.address, KAFKA_TLS: "off" });
  await reaches(2_000);
  await put(5);
  await kafka.kill();
  await wait(3_000);
  await kafka.comeBack();
  await put(10);
  await reaches(10 * events);
  const { rows } = await database.pool.query("select kind from ops.alerts where resolved_at is null");
  expect(rows).toEqual([]);
  const { rows: read } = await database.pool.query(
    "select sum(messages)::int as messages from ops.stream_partitions where stream = 'kafka/rows'",
  );
  expect(read).toEqual([{ messages: events }]);
});
