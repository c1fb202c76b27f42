import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import fc from "fast-check";
import type { StreamMessage } from "../../connectors/streams/shapes.ts";
import { extendMapping } from "../../connectors/files/mapping.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { createRedactor } from "../../core/redact.ts";
import { readBookDifferences } from "../../queries/files/books.ts";
import { ClaimLost, claimPartition } from "../../queries/streams/claims.ts";
import { declareStream } from "../../queries/streams/declared.ts";
import { loadConfig, type Config } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createIngestActivities } from "../files/ingest.ts";
import { readStream } from "./read-stream.ts";
import type { MessageBatch, ReadStream, StreamContext } from "./shapes.ts";
import { storeMessages } from "./store-messages.ts";

jest.setTimeout(120_000);

let database: TestDatabase;
let config: Config;
let context: StreamContext;
const streams: Record<"replace" | "add", ReadStream> = {} as never;

beforeAll(async () => {
  database = await testDatabase();
  config = loadConfig(
    {
      DATABASE_URL: database.url,
      CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
      KAFKA_BROKERS: "127.0.0.1:9092",
      STREAMS: JSON.stringify([{ kafka: "rows" }, { kafka: "clicks", combine: "add", eventId: "event" }]),
    },
    vendors,
    sources,
  );
  context = { database: database.pool, config, redact: createRedactor(config.secrets) };
  const [rows, clicks] = config.streams.clients.get("713")?.declared ?? [];
  if (rows === undefined || clicks === undefined) throw new Error("two streams are declared");
  streams.replace = await readStream(context, rows);
  streams.add = await readStream(context, clicks);
});
beforeEach(() => clear());
async function clear(): Promise<void> {
  await database.pool.query(
    `truncate rtb.creative_thumbnails, rtb.creatives, rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers,
       ops.quarantine, ops.alerts, ops.streams, ops.stream_partitions, ops.stream_batches, ops.stream_events;
     insert into rtb.creatives (_client_id, creative_id) values ('713', '1'), ('713', '2')`,
  );
  for (const stream of Object.values(streams))
    await declareStream(database.pool, { ...stream, stream: stream.name, eventField: stream.eventId });
}
afterAll(() => database.drop());

const row = (more: Record<string, unknown> = {}) => ({
  creative_id: "1",
  date: "2025-12-01",
  impressions: 10,
  clicks: 1,
  spend: "0.50",
  ...more,
});
const message = (offset: number, value: unknown): StreamMessage => ({
  position: String(offset),
  value: value === null ? null : Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
  at: new Date(1_764_547_200_000),
});
const claim = (stream: ReadStream, consumer = "one", partition = "0") =>
  claimPartition(database.pool, { client: "713", stream: stream.name, partition, consumer });

/** Messages as a consumer that has just taken the partition would store them. */
async function store(combine: "replace" | "add", values: unknown[], at = 0): Promise<MessageBatch> {
  const stream = streams[combine];
  const { claim: number, position } = await claim(stream);
  const batch = {
    ...{ stream, partition: "0", claim: number, from: position },
    messages: values.map((value, index) => message(at + index, value)),
    next: String(at + values.length),
  };
  await storeMessages(context, batch);
  return batch;
}

const table = async () =>
  (
    await database.pool.query<{ impressions: number; spend: string }>(
      `select c.creative_id as creative, p.impressions, p.clicks, p.spend from rtb.performance_metrics p
         join rtb.creatives c on c.id = p.creative_id order by 1, p.date, p.geography`,
    )
  ).rows;
const summed = async () =>
  (
    await database.pool.query<{ impressions: number; spend: string }>(
      "select sum(impressions_all)::int as impressions, sum(spend_all)::text as spend from rtb.creative_performance",
    )
  ).rows[0];
const receipts = async () =>
  (
    await database.pool.query<Record<string, unknown>>(
      `select f.name, f.place, f.lines, f.inserted, f.updated, f.rejected, f.superseded, b.first_position as first, b.last_position as last, b.messages, b.repeated
         from ops.files f join ops.stream_batches b using (file_id) order by file_id`,
    )
  ).rows;
const quarantine = async () =>
  (
    await database.pool.query<{ position: string; reason: string }>(
      "select position, reason from ops.quarantine where resolved_at is null order by slice, line",
    )
  ).rows;
const differences = () => readBookDifferences(database.pool, { client: "713" });
const redrive = async () => {
  const { redriveLines } = createIngestActivities({ database: database.pool, config, redact: createRedactor([]) });
  const { rows } = await database.pool.query<{ id: number }>(
    "select file_id as id from ops.files where rejected > 0 order by 1",
  );
  const answers = [];
  for (const { id } of rows)
    answers.push(
      await new MockActivityEnvironment(
        { workflowExecution: { workflowId: "files/713/test", runId: randomUUID() } },
        { logger: new DefaultLogger("ERROR") },
      ).run(redriveLines, { client: "713", fileId: id, after: 0 }),
    );
  return answers as { resolved: number; remaining: number; reason: string | null }[];
};

describe("replace", () => {
  test("the last message of a key wins, within a batch and after it", async () => {
    await store("replace", [row(), row({ impressions: 20 }), row({ creative_id: "2" })]);
    expect(await table()).toMatchObject([{ impressions: 20 }, { creative: "2", impressions: 10 }]);
    await store("replace", [row({ impressions: 7, spend: 0.125 })], 3);
    expect(await table()).toMatchObject([{ impressions: 7, spend: "0.125000" }, { impressions: 10 }]);
    expect(await summed()).toEqual({ impressions: 17, spend: "0.625000" });
    expect(await receipts()).toMatchObject([
      { name: "kafka/rows, partition 0", place: "stream", lines: 3, inserted: 2, superseded: 1, first: "0", last: "2" },
      { lines: 1, updated: 1, first: "3", last: "3", messages: 1, repeated: 0 },
    ]);
    expect(await differences()).toEqual([]);
  });

  test("messages that are stored again by an attempt whose commit went unanswered change nothing", async () => {
    const batch = await store("replace", [row()]);
    await storeMessages(context, batch);
    expect(await receipts()).toHaveLength(1);
  });

  test("who has lost the partition can store nothing of it any more", async () => {
    const stream = streams.replace;
    const old = await claim(stream, "zombie");
    await claim(stream, "other");
    const batch = { stream, partition: "0", claim: old.claim, from: null, messages: [message(0, row())], next: "1" };
    await expect(storeMessages(context, batch)).rejects.toThrow(ClaimLost);
    expect(await table()).toEqual([]);
  });

  test("what is not behind what was stored last is not stored", async () => {
    await store("replace", [row()]);
    const stream = streams.replace;
    const { claim: number } = await claim(stream);
    const batch = { stream, partition: "0", claim: number, from: "5", messages: [message(5, row())], next: "6" };
    await expect(storeMessages(context, batch)).rejects.toThrow(ClaimLost);
  });
});

describe("add", () => {
  test("messages are added to what is stored, each event once, by whichever message it comes", async () => {
    await store("add", [row({ event: "a" }), row({ event: "b" }), row({ event: "a" })]);
    expect(await table()).toMatchObject([{ impressions: 20, clicks: 2, spend: "1.000000" }]);
    await store("add", [row({ event: "b" }), row({ event: "c", spend: "0.000001" })], 3);
    expect(await table()).toMatchObject([{ impressions: 30, clicks: 3, spend: "1.000001" }]);
    expect(await summed()).toEqual({ impressions: 30, spend: "1.000001" });
    expect(await receipts()).toMatchObject([
      { lines: 3, inserted: 1, superseded: 1, messages: 3, repeated: 1 },
      { lines: 2, updated: 1, superseded: 1, messages: 2, repeated: 1 },
    ]);
    expect(await differences()).toEqual([]);
  });

  test("a batch of nothing but repeated events leaves a receipt and changes no row", async () => {
    await store("add", [row({ event: 17 })]);
    await store("add", [row({ event: "17" }), row({ event: 17 })], 1);
    expect(await table()).toMatchObject([{ impressions: 10 }]);
    expect(await receipts()).toMatchObject([{}, { lines: 2, inserted: 0, superseded: 2, repeated: 2 }]);
    expect(await differences()).toEqual([]);
  });

  test("numbers beyond what a float holds are two events when they differ", async () => {
    await store(
      "add",
      ["9007199254740993", "9007199254740992"].map((id) => JSON.stringify(row()).replace("{", `{"event":${id},`)),
    );
    expect(await table()).toMatchObject([{ impressions: 20 }]);
  });

  test("a message without an id is not added", async () => {
    await store("add", [row(), row({ event: "" }), row({ event: null }), row({ event: "x" })]);
    expect(await table()).toMatchObject([{ impressions: 10 }]);
    expect((await quarantine()).map(({ reason }) => reason)).toEqual(
      Array.from({ length: 3 }, () => expect.stringContaining('the field "event" is missing or no id') as unknown),
    );
  });

  test("a sum that grows too large sets its message apart, and not those beside it", async () => {
    const most = "999999999999.000000";
    const events = [
      ["a", most],
      ["b", "0.25"],
      ["c", most],
      ["d", "0.25"],
    ] as const;
    await store(
      "add",
      events.map(([event, spend]) => row({ event, spend })),
    );
    expect(await table()).toMatchObject([{ impressions: 30, spend: "999999999999.500000" }]);
    expect(await quarantine()).toEqual([
      {
        position: "kafka/clicks, partition 0, offset 2",
        reason: expect.stringContaining("larger than can be kept") as unknown,
      },
    ]);
    expect(await differences()).toEqual([]);
  });
});

describe("what cannot be stored", () => {
  const poison: [unknown, string][] = [
    ["no json", "cannot be read as one record of JSON"],
    [null, "has no value"],
    ["", "has no value"],
    ["[]", "cannot be read as one record"],
    [`${JSON.stringify(row())}${JSON.stringify(row())}`, "cannot be read as one record"],
    [`{"creative_id":"1"`, "cannot be read as one record"],
    ["{}", "nothing stands"],
    [row({ creative_id: undefined }), "creative_id"],
    [row({ creative_id: "unknown" }), "is not known"],
    [row({ date: "12/1/25" }), "date"],
    [row({ date: "2999-01-01" }), "2999-01-01"],
    [row({ spend: "12345678901234567890" }), "spend"],
    [row({ spend: "1.234567890123456789012345" }), ""],
    [row({ spend: -1 }), "negative"],
    [row({ clicks: 11 }), "clicks"],
    [row({ colour: "red" }), "colour"],
    [row({ clicks: { all: 1 } }), "holds a list or a record"],
    [`{"clicks":1,"clicks":2,${JSON.stringify(row()).slice(1)}`, "is there twice"],
  ];

  test("each bad message is set apart with its topic, partition and offset, and those beside it are stored", async () => {
    const values = poison.flatMap(([value], index) => [row({ geography: "BR", impressions: 100 + index }), value]);
    await store("replace", values);
    const found = await quarantine();
    const rounded = poison.findIndex(([, reason]) => reason === "");
    expect(found).toEqual(
      poison.flatMap(([, reason], index) =>
        index === rounded
          ? []
          : [
              {
                position: `kafka/rows, partition 0, offset ${2 * index + 1}`,
                reason: expect.stringContaining(reason) as unknown,
              },
            ],
      ),
    );
    expect(await table()).toMatchObject([{ spend: "1.234568" }, { impressions: 100 + poison.length - 1 }]);
    expect(await differences()).toEqual([]);
  });

  test("bytes that are no text and a message of 10 MB spoil nothing", async () => {
    const stream = streams.replace;
    const { claim: number } = await claim(stream);
    const messages = [
      { ...message(0, row()), value: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) },
      message(1, `{"creative_id":"${"9".repeat(10_000_000)}"}`),
      message(2, row()),
    ];
    await storeMessages(context, { stream, partition: "0", claim: number, from: null, messages, next: "3" });
    expect(await table()).toHaveLength(1);
    expect((await quarantine()).map(({ reason }) => reason)).toEqual([
      "the message is no text in UTF-8",
      "the message is longer than 1048576 bytes",
    ]);
  });

  test("what a message leaves out is read as if it were alone, whatever stands in those beside it", async () => {
    await store("replace", [
      row({ impressions: 1 }),
      row({ impressions: 2, geography: "BR", currency: "USD" }),
      row({ impressions: 3, geography: "US", currency: "EUR" }),
      row({ impressions: 4, geography: "DE", currency: null, buyer_id: "" }),
      row({ impressions: 5, geography: "FR", buyer_id: "700" }),
      row({ impressions: 6, geography: "IT" }),
    ]);
    expect((await table()).map(({ impressions }) => impressions)).toEqual([1, 2, 4, 5, 6]);
    expect((await quarantine()).map(({ reason }) => reason)).toEqual([
      expect.stringContaining(`the line is in "EUR"`) as unknown,
    ]);
  });

  test("many messages at once come to what each of them alone comes to", async () => {
    const mapping = extendMapping(streams.replace.reading.mapping, {
      columns: { geography: ["geography", "land"] },
      constants: { device_type: "mobile" },
      sameDayColumns: ["until"],
    });
    const stream = { ...streams.replace, reading: { ...streams.replace.reading, mapping } };
    const maybe = (...values: unknown[]) => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
    const anyRow = fc.record({
      ...{
        currency: maybe("USD", "", null, "EUR"),
        buyer_id: maybe("", null, "700"),
        until: maybe("2025-12-01", "", "2025-12-02"),
      },
      ...{ geography: maybe("BR", "", null), land: maybe("US", ""), device_type: maybe("desktop", "") },
      ...{
        hour: maybe(3, ""),
        placement: maybe("top", null),
        clicks: maybe(1, 11, ""),
        creative_id: fc.constantFrom("1", "2", "9"),
      },
      impressions: fc.constantFrom(10, 20),
    });
    const outcome = async (rows: unknown[], atOnce: number) => {
      await clear();
      const messages = rows.map((each, index) => message(index, each));
      for (let from = 0; from < rows.length; from += atOnce) {
        const { claim: number, position } = await claim(stream);
        const part = messages.slice(from, from + atOnce);
        await storeMessages(context, {
          ...{ stream, partition: "0", claim: number, from: position, messages: part },
          next: String(from + part.length),
        });
      }
      const rejected = (await quarantine()).map(({ position, reason }) => `${position}: ${reason}`).sort();
      return { rejected, stored: await table(), differences: await differences() };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 2, maxLength: 7 }), async (given) => {
        const rows = given.map((more) => row(more));
        expect(await outcome(rows, rows.length)).toEqual(await outcome(rows, 1));
      }),
      { numRuns: 10 },
    );
  });

  test("a field that is named in two ways is read in the order of the messages", async () => {
    const mapping = extendMapping(streams.replace.reading.mapping, { columns: { geography: ["geography", "land"] } });
    const stream = { ...streams.replace, reading: { ...streams.replace.reading, mapping } };
    const { claim: number } = await claim(stream);
    const values = [
      row({ geography: "BR", impressions: 1 }),
      row({ land: "BR", impressions: 2 }),
      row({ geography: "BR", impressions: 3 }),
    ];
    const messages = values.map((value, index) => message(index, value));
    await storeMessages(context, { stream, partition: "0", claim: number, from: null, messages, next: "3" });
    expect(await table()).toMatchObject([{ impressions: 3 }]);
    expect(await receipts()).toMatchObject([{ first: "0" }, { first: "1" }, { first: "2" }]);
    expect(await differences()).toEqual([]);
  });

  test("what is mended is stored by a redrive, and does not take the place of a later message", async () => {
    await store("replace", [row({ creative_id: "3", impressions: 5 }), "no json"]);
    await store("replace", [row({ creative_id: "2" }), row({ creative_id: "4", impressions: 8 })], 2);
    await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', '3')");
    await store("replace", [row({ creative_id: "3", impressions: 6 })], 4);
    expect(await redrive()).toMatchObject([
      { resolved: 1, remaining: 1, reason: null },
      { resolved: 0, remaining: 1 },
    ]);
    expect(await table()).toMatchObject([{ creative: "2" }, { creative: "3", impressions: 6 }]);
    expect(await differences()).toEqual([]);
  });

  test("what is mended of a topic that adds is added, and only once", async () => {
    await store("add", [
      row({ creative_id: "3", event: "a" }),
      row({ creative_id: "3", event: "b" }),
      row({ creative_id: "3", event: "b" }),
    ]);
    await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', '3')");
    await store("add", [row({ creative_id: "3", event: "a" }), row({ creative_id: "3", event: "c" })], 3);
    expect(await table()).toMatchObject([{ creative: "3", impressions: 20 }]);
    expect(await redrive()).toMatchObject([{ resolved: 3, remaining: 0 }]);
    expect(await table()).toMatchObject([{ creative: "3", impressions: 30, clicks: 3, spend: "1.500000" }]);
    expect(await summed()).toEqual({ impressions: 30, spend: "1.500000" });
    expect(await receipts()).toMatchObject([{ lines: 3, rejected: 0, superseded: 2, updated: 1 }, { inserted: 1 }]);
    expect(await differences()).toEqual([]);
  });
});
