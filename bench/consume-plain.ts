// The consumer most people write: read, insert, commit. A batch of one partition is one statement and one transaction, and
// the broker remembers the place. Nothing is checked, nothing summed up, and a message that comes twice is added twice.
import { KinesisClient, GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Kafka, logLevel } from "kafkajs";
import { openDatabase } from "../schema/database.ts";

const [kind = "kafka", topic = "", combine = "replace", address = ""] = process.argv.slice(2);
const database = openDatabase({
  url: process.env["DATABASE_URL"] ?? "",
  poolSize: 4,
  name: "bench plain consumer",
  onError: () => undefined,
});
const columns = ["creative_id", "date", "geography", "device_type", "impressions", "clicks", "spend"] as const;
type Row = Record<(typeof columns)[number], string | number>;
const set =
  combine === "replace"
    ? "impressions = excluded.impressions, clicks = excluded.clicks, spend = excluded.spend"
    : "impressions = p.impressions + excluded.impressions, clicks = p.clicks + excluded.clicks, spend = p.spend + excluded.spend";

/** Of one key only one row can stand in a statement. */
function folded(values: readonly (Buffer | Uint8Array | null)[]): Row[] {
  const rows = new Map<string, Row>();
  for (const value of values) {
    if (value === null) continue;
    const row = JSON.parse(Buffer.from(value).toString("utf8")) as Row;
    const key = `${row.creative_id}/${row.date}/${row.geography}/${row.device_type}`;
    const known = rows.get(key);
    if (known === undefined || combine === "replace") rows.set(key, row);
    else {
      known.impressions = Number(known.impressions) + Number(row.impressions);
      known.clicks = Number(known.clicks) + Number(row.clicks);
      known.spend = (Number(known.spend) + Number(row.spend)).toFixed(6);
    }
  }
  return [...rows.values()];
}

async function store(values: readonly (Buffer | Uint8Array | null)[]): Promise<void> {
  const rows = folded(values);
  await database.query(
    `with stored as (
       insert into public.plain_performance as p (creative_id, date, geography, device_type, impressions, clicks, spend)
       select * from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::numeric[])
       on conflict (creative_id, date, geography, device_type) do update set ${set} returning 1
     ) insert into public.plain_progress select $8::bigint from (select count(*) from stored) s`,
    [...columns.map((column) => rows.map((row) => row[column])), values.length],
  );
}

process.send?.("ready");
if (kind === "kafka") {
  const consumer = new Kafka({ clientId: "plain", brokers: [address], logLevel: logLevel.NOTHING }).consumer({
    groupId: `plain-${process.pid}`,
    maxWaitTimeInMs: 1_000,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      await store(batch.messages.map(({ value }) => value));
      resolveOffset(batch.lastOffset());
      const offset = String(BigInt(batch.lastOffset()) + 1n);
      await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }]);
      await heartbeat();
    },
  });
} else {
  const credentials = { accessKeyId: "sandbox", secretAccessKey: "sandbox-secret" };
  const requestHandler = new NodeHttpHandler();
  const client = new KinesisClient({ endpoint: address, region: "us-east-1", credentials, requestHandler });
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: topic }));
  await Promise.all(
    Shards.map(async ({ ShardId }) => {
      const from = { StreamName: topic, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
      let { ShardIterator } = await client.send(new GetShardIteratorCommand(from));
      while (ShardIterator !== undefined) {
        const { Records = [], NextShardIterator } = await client.send(
          new GetRecordsCommand({ ShardIterator, Limit: 10_000 }),
        );
        if (Records.length > 0) await store(Records.map(({ Data }) => Data ?? null));
        ShardIterator = NextShardIterator;
        // A shard is asked five times a second at most.
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }),
  );
}
