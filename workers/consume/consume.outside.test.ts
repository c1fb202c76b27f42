import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  startKafka,
  startKinesis,
  kinesisSettings,
  type KafkaBroker,
  type KinesisBroker,
} from "../../bench/brokers/brokers.ts";
import { readBookDifferences } from "../../queries/files/books.ts";
import { claimPartition, movePartitions } from "../../queries/streams/claims.ts";
import { startConsumer, type Declared } from "../../test/consuming.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { eventually } from "../../test/eventually.ts";

jest.setTimeout(240_000);

let database: TestDatabase;
let kafka: KafkaBroker;
let kinesis: KinesisBroker;
const running: { stop: () => Promise<void> }[] = [];
const lines: string[] = [];
let topics = 0;

beforeAll(async () => {
  [database, kafka, kinesis] = await Promise.all([testDatabase(), startKafka(), startKinesis()]);
});
beforeEach(async () => {
  lines.length = 0;
  await database.pool.query(
    `truncate rtb.creative_thumbnails, rtb.creatives, rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers,
       ops.quarantine, ops.alerts, ops.streams, ops.stream_partitions, ops.stream_batches, ops.stream_events, ops.stream_consumers;
     insert into rtb.creatives (_client_id, creative_id) select '713', n::text from generate_series(1, 50) n`,
  );
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});
afterAll(async () => {
  await Promise.all([kafka.stop(), kinesis.stop()]);
  await database.drop();
});

const nextTopic = () => `topic-${(topics += 1)}`;
const row = (more: Record<string, unknown> = {}) =>
  JSON.stringify({ creative_id: "1", date: "2025-12-01", impressions: 10, clicks: 1, spend: "0.50", ...more });

function consume(declared: Declared, { consumer = "one", settings = {} as Record<string, string> } = {}) {
  const brokers = { KAFKA_BROKERS: kafka.address, KAFKA_TLS: "off", ...kinesisSettings(kinesis.address) };
  const one = startConsumer({ database, declared, consumer, lines, settings: { ...brokers, ...settings } });
  running.push(one);
  return one;
}

const sums = async () =>
  (
    await database.pool.query<{ rows: number; impressions: number; spend: string }>(
      "select count(*)::int as rows, coalesce(sum(impressions), 0)::int as impressions, coalesce(sum(spend), 0)::text as spend from rtb.performance_metrics",
    )
  ).rows[0];
const reaches = (wanted: Record<string, unknown>) =>
  eventually(async () => expect(await sums()).toMatchObject(wanted), 60_000);
const openAlerts = async () =>
  (
    await database.pool.query<{ kind: string }>("select kind from ops.alerts where resolved_at is null order by 1")
  ).rows.map(({ kind }) => kind);
const raises = (kind: string) => eventually(async () => expect(await openAlerts()).toContain(kind), 60_000);
const differences = () => readBookDifferences(database.pool, { client: "713" });

describe("kafka", () => {
  test("messages become rows with receipts, and reading resumes from Postgres, not from what the group remembers", async () => {
    const topic = nextTopic();
    await kafka.put(topic, 0, [row(), row({ impressions: 20 }), row({ creative_id: "2" }), "no json"]);
    await kafka.put(topic, 1, [row({ creative_id: "3" })]);
    const first = consume({ kafka: topic });
    await reaches({ rows: 3, impressions: 40 });
    await first.stop();
    const { rows } = await database.pool.query(
      "select partition, position, messages, owner from ops.stream_partitions where position <> '0' order by partition",
    );
    expect(rows).toEqual([
      { partition: "0", position: "4", messages: 4, owner: null },
      { partition: "1", position: "1", messages: 1, owner: null },
    ]);
    const { rows: poison } = await database.pool.query<{ position: string }>("select position from ops.quarantine");
    expect(poison).toEqual([{ position: `kafka/${topic}, partition 0, offset 3` }]);
    // As after Postgres was restored from yesterday's copy: the group remembers more than the table has.
    await movePartitions(database.pool, { client: "713", stream: `kafka/${topic}`, partition: "0", to: "0" });
    await database.pool.query("truncate rtb.performance_metrics, rtb.creative_performance, ops.file_days");
    consume({ kafka: topic });
    await reaches({ rows: 2, impressions: 30 });
    expect(lines.join("")).not.toContain("crash");
  });

  test("two consumers of a group share the partitions, and a message counts once while one comes and one goes", async () => {
    const topic = nextTopic();
    const declared = { kafka: topic, combine: "add", eventId: "event" } as const;
    let events = 0;
    const put = async (many: number) => {
      for (const partition of [0, 1, 2, 3])
        await kafka.put(
          topic,
          partition,
          Array.from({ length: many }, () => row({ event: (events += 1) })),
        );
    };
    await put(50);
    const one = consume(declared);
    await reaches({ impressions: 2_000 });
    consume(declared, { consumer: "two" });
    await put(50);
    await reaches({ impressions: 4_000 });
    await one.stop();
    await put(50);
    await reaches({ impressions: 6_000, spend: "300.000000" });
    expect(await differences()).toEqual([]);
    const { rows } = await database.pool.query("select sum(repeated)::int as repeated from ops.stream_batches");
    expect(rows).toEqual([{ repeated: 0 }]);
  });

  test("a consumer that has lost its partition without knowing stores nothing of it, and takes it up again", async () => {
    const topic = nextTopic();
    await kafka.put(topic, 0, [row()]);
    consume({ kafka: topic });
    await reaches({ impressions: 10 });
    const of = { client: "713", stream: `kafka/${topic}`, partition: "0" };
    await claimPartition(database.pool, { ...of, consumer: "somebody else" });
    await kafka.put(topic, 0, [row({ impressions: 30 })]);
    await reaches({ impressions: 30 });
    const { rows } = await database.pool.query(
      "select messages, claim from ops.stream_partitions where position = '2'",
    );
    expect(rows).toEqual([{ messages: 2, claim: 3 }]);
  });

  test("a topic that was made anew is not read until a person says where to go on", async () => {
    const topic = nextTopic();
    await kafka.put(topic, 0, [row({ impressions: 70 }), row({ impressions: 80 })]);
    const first = consume({ kafka: topic });
    await reaches({ impressions: 80 });
    await first.stop();
    // The broker's own would be another broker: for the consumer it is the same when another message stands at its place.
    await database.pool.query("update ops.stream_partitions set mark = 'of another topic' where position = '2'");
    await kafka.put(topic, 0, [row({ impressions: 90 })]);
    consume({ kafka: topic });
    await raises("stream_held");
    expect(await sums()).toMatchObject({ impressions: 80 });
    await movePartitions(database.pool, { client: "713", stream: `kafka/${topic}`, partition: "0", to: null });
    await reaches({ impressions: 90 });
    await eventually(async () => expect(await openAlerts()).not.toContain("stream_held"), 60_000);
  });

  test("a topic that ends before what was read is held too; one whose messages have gone is read on, and says which are missing", async () => {
    const topic = nextTopic();
    await kafka.put(topic, 0, [row()]);
    const declare = `insert into ops.stream_partitions (_client_id, stream, partition, position) values ('713', 'kafka/${topic}', '0', $1)`;
    await database.pool.query(declare, ["17"]);
    const first = consume({ kafka: topic });
    await raises("stream_held");
    await first.stop();
    // The broker keeps five megabytes of a partition.
    for (const value of ["x".repeat(3_000_000), "x".repeat(3_000_000), row({ impressions: 33 })])
      await kafka.put(topic, 0, [value]);
    await movePartitions(database.pool, { client: "713", stream: `kafka/${topic}`, partition: "0", to: "0" });
    consume({ kafka: topic });
    await reaches({ impressions: 33 });
    expect(await openAlerts()).toContain("stream_gap");
  });

  test("a message of 10 MB does not keep those behind it from being read", async () => {
    const topic = nextTopic();
    await kafka.put(topic, 0, [row()]);
    consume({ kafka: topic });
    await reaches({ impressions: 10 });
    await kafka.put(topic, 0, [`{"creative_id":"${"9".repeat(4_000_000)}"}`, row({ impressions: 44 })]);
    await reaches({ impressions: 44 });
  });

  test("a broker that does not answer for a while, and one that never does, are waited for", async () => {
    const topic = nextTopic();
    await kafka.put(topic, 0, [row()]);
    const away = consume({ kafka: topic }, { consumer: "away", settings: { KAFKA_BROKERS: "127.0.0.1:1" } });
    await eventually(() => expect(lines.join("")).toContain("the topic is not read, and is tried again"), 60_000);
    await away.stop();
    consume({ kafka: topic });
    await reaches({ impressions: 10 });
    kafka.freeze();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    kafka.thaw();
    await kafka.put(topic, 0, [row({ impressions: 55 })]);
    await reaches({ impressions: 55 });
  });

  test("the second of two consumers that are set otherwise waits; and what was read by replacing is not added to unasked", async () => {
    const topic = nextTopic();
    await kafka.put(topic, 0, [row()]);
    const first = consume({ kafka: topic });
    await reaches({ impressions: 10 });
    const other = consume({ kafka: topic }, { consumer: "two", settings: { KAFKA_GROUP: "another" } });
    await raises("stream_settings");
    await other.stop();
    await first.stop();
    consume({ kafka: topic, combine: "add", eventId: "event" });
    await raises("stream_declared");
    await kafka.put(topic, 0, [row({ event: "a" })]);
    expect(await sums()).toMatchObject({ impressions: 10 });
  });

  test("a password is in no line of the log", async () => {
    const settings = {
      KAFKA_SASL_USERNAME: "reader",
      KAFKA_SASL_PASSWORD: "canary-of-kafka",
      KAFKA_SASL_MECHANISM: "plain",
    };
    consume({ kafka: nextTopic() }, { settings });
    await eventually(() => expect(lines.join("")).toContain("is tried again"), 60_000);
    expect(lines.join("")).not.toContain("canary-of-kafka");
  });
});

describe("kinesis", () => {
  test("records become rows, of every shard; reading resumes from Postgres, and two consumers share the shards", async () => {
    const stream = nextTopic();
    await kinesis.create(stream, 4);
    const declared = { kinesis: stream, combine: "add", eventId: "event" } as const;
    let events = 0;
    const put = async () => {
      for (const key of ["a", "b", "c", "d", "e", "f"])
        await kinesis.put(
          stream,
          key,
          Array.from({ length: 20 }, () => row({ event: (events += 1) })),
        );
    };
    await put();
    const one = consume(declared);
    await reaches({ impressions: 1_200 });
    consume(declared, { consumer: "two" });
    await eventually(async () => {
      const { rows } = await database.pool.query(
        "select owner, count(*)::int as shards from ops.stream_partitions where owner is not null group by 1 order by 1",
      );
      expect(rows).toEqual([
        { owner: "one", shards: 2 },
        { owner: "two", shards: 2 },
      ]);
    }, 60_000);
    await put();
    await reaches({ impressions: 2_400 });
    await one.stop();
    await put();
    await reaches({ impressions: 3_600, spend: "180.000000" });
    expect(await differences()).toEqual([]);
  });

  test("a stream that was deleted and made anew is not read until a person says so", async () => {
    const stream = nextTopic();
    await kinesis.create(stream, 1);
    await kinesis.put(stream, "a", [row()]);
    const first = consume({ kinesis: stream });
    await reaches({ impressions: 10 });
    await first.stop();
    await database.pool.query("update ops.streams set identity = '2020-01-01T00:00:00.000Z'");
    consume({ kinesis: stream });
    await raises("stream_held");
    expect(lines.join("")).not.toContain("sandbox-secret");
  });
});
