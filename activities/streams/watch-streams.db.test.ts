import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { pruneStreams } from "../../queries/streams/progress.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { watchStreams } from "./watch-streams.ts";

const client = "713";
let database: TestDatabase;

beforeAll(async () => void (database = await testDatabase()));
beforeEach(async () => {
  await database.pool.query(
    "truncate ops.alerts, ops.streams, ops.stream_partitions, ops.stream_batches, ops.stream_events, ops.stream_consumers, ops.quarantine",
  );
});
afterAll(() => database.drop());

interface Partition {
  partition: string;
  lag?: number | null;
  waitedMinutes?: number | null;
  seenMinutes?: number;
  isFinished?: boolean;
}

async function partition({
  partition: id,
  lag = 0,
  waitedMinutes = null,
  seenMinutes = 0,
  isFinished = false,
}: Partition) {
  await database.pool.query(
    `insert into ops.stream_partitions (_client_id, stream, partition, lag, waiting_since, seen_at, finished_at)
     values ($1, 'kafka/rows', $2, $3, now() - $4 * interval '1 minute', now() - $5 * interval '1 minute', case when $6 then now() end)
     on conflict on constraint stream_partitions_key do update
       set lag = excluded.lag, waiting_since = excluded.waiting_since, seen_at = excluded.seen_at, finished_at = excluded.finished_at`,
    [client, id, lag, waitedMinutes, seenMinutes, isFinished],
  );
}

const watch = (declared = [{ name: "kafka/rows" }]) =>
  watchStreams(database.pool, { client, declared, lagMinutes: 15 });
const alerts = async () =>
  (
    await database.pool.query<{ subject: string; message: string; times: number }>(
      "select subject, message, times_seen as times from ops.alerts where kind = 'stream_lag' and resolved_at is null",
    )
  ).rows;

test("messages that wait for too long raise one alert for the topic, with the partition that is furthest behind", async () => {
  await partition({ partition: "0", lag: 12, waitedMinutes: 14 });
  await partition({ partition: "1", lag: 0 });
  await watch();
  expect(await alerts()).toEqual([]);
  await partition({ partition: "0", lag: 12, waitedMinutes: 20 });
  await partition({ partition: "1", lag: 4_000, waitedMinutes: 40 });
  await watch();
  await watch();
  expect(await alerts()).toEqual([
    {
      subject: "kafka/rows",
      message: expect.stringMatching(/partition 1: 4000 messages wait, the oldest for about 40 minutes/),
      times: 2,
    },
  ]);
  await partition({ partition: "0" });
  await partition({ partition: "1", lag: 3, waitedMinutes: 1 });
  await watch();
  expect(await alerts()).toEqual([]);
});

test("a topic that no consumer looks at is behind, however few messages were there last", async () => {
  await partition({ partition: "0", seenMinutes: 16 });
  await watch();
  expect(await alerts()).toMatchObject([{ message: expect.stringMatching(/no consumer has looked .* 16 minutes/) }]);
  await partition({ partition: "0" });
  await watch();
  expect(await alerts()).toEqual([]);
});

test("where the broker does not say how many wait, the alert does not either", async () => {
  await partition({ partition: "shard-1", lag: null, waitedMinutes: 30 });
  await watch();
  expect(await alerts()).toMatchObject([{ message: expect.stringMatching(/shard-1: messages wait, the oldest/) }]);
});

test("a shard that is read to its end is never behind, and a topic that is not declared any more closes its alert", async () => {
  await partition({ partition: "0", isFinished: true, seenMinutes: 600 });
  await watch();
  expect(await alerts()).toEqual([]);
  await partition({ partition: "1", lag: 5, waitedMinutes: 30 });
  await watch();
  expect(await alerts()).toHaveLength(1);
  await watch([]);
  expect(await alerts()).toEqual([]);
});

test("ids of events go after their time, receipts after theirs unless a message of them waits, consumers after a day", async () => {
  await database.pool.query(
    `insert into ops.stream_events (_client_id, stream, event, added_at)
     select $1, 'kafka/rows', decode(md5(n::text), 'hex'), now() - n * interval '1 day' from generate_series(0, 39) n`,
    [client],
  );
  await database.pool.query(
    `insert into ops.stream_batches (file_id, _client_id, stream, partition, claim, first_position, last_position, committed_at)
     select n, $1, 'kafka/rows', '0', 1, '0', '1', now() - n * interval '10 days' from generate_series(1, 12) n`,
    [client],
  );
  await database.pool.query(
    `insert into ops.quarantine (_client_id, source, slice, run_id, reason, content, content_hash)
     select $1, 'files.performance', 'file/11', 'run', 'no json', '{', 'hash'`,
    [client],
  );
  await database.pool.query(
    `insert into ops.stream_consumers (_client_id, stream, consumer, settings_hash, seen_at)
     values ($1, 'kafka/rows', 'gone', 'x', now() - interval '25 hours'), ($1, 'kafka/rows', 'here', 'x', now())`,
    [client],
  );
  const left = async () => {
    const { rows } = await database.pool.query(
      `select (select count(*)::int from ops.stream_events) as events,
              (select array_agg(file_id order by file_id) from ops.stream_batches) as batches,
              (select array_agg(consumer) from ops.stream_consumers) as consumers`,
    );
    return rows[0] as unknown;
  };
  await pruneStreams(database.pool, { eventsDays: 30, receiptsDays: null });
  expect(await left()).toMatchObject({
    events: 30,
    batches: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    consumers: ["here"],
  });
  await pruneStreams(database.pool, { eventsDays: 10, receiptsDays: 75 });
  expect(await left()).toMatchObject({ events: 10, batches: [1, 2, 3, 4, 5, 6, 7, 11] });
});
