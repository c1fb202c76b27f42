import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { sources, vendors } from "../../connectors/registry.ts";
import { addDays } from "../../core/days.ts";
import { createRedactor } from "../../core/redact.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createIngestActivities } from "./ingest.ts";

jest.setTimeout(120_000);
let folder = "";
let database: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-refused-"));
  database = await testDatabase();
  await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', '79783')");
});
beforeEach(() =>
  database.pool.query("truncate rtb.performance_metrics, ops.files, ops.file_days, ops.file_headers, ops.quarantine"),
);
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
/** Each line has a key of its own. */
const some = (creative: string, count: number) =>
  Array.from(
    { length: count },
    (_, n) =>
      `${creative},${addDays("2025-11-01", -(n % 1_000))},${10 + n},1,0.50,${countries[Math.floor(n / 1_000) % 10]},${n < 10_000 ? "mobile" : "desktop"}`,
  );
const countries = "US BR IN MX GB DE FR ES IT CA".split(" ");

async function take(text: string | Buffer, name = `${randomUUID()}.csv`): Promise<IngestAnswer> {
  await writeFile(path.join(folder, name), text);
  const env = {
    ...{ DATABASE_URL: database.url, IMPORT_DIR: folder },
    CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
  };
  const config = loadConfig(env, vendors, sources);
  const { takeFile } = createIngestActivities({
    ...{ database: database.pool, config, redact: createRedactor(config.secrets) },
  });
  const inside = new MockActivityEnvironment(
    { workflowExecution: { workflowId: "ingest/713/test", runId: randomUUID() } },
    { logger: new DefaultLogger("ERROR") },
  );
  return (await inside.run(takeFile, { client: "713", path: name })) as IngestAnswer;
}

const kept = async () =>
  (await database.pool.query<{ lines: number }>("select count(*) as lines from ops.quarantine")).rows[0]?.lines;

test("a file is refused as soon as more lines are rejected than half of all that it can have", async () => {
  const lines = [...some("unknown", 40_000), ...some("79783", 10_000)];
  for (const ends of ["\n", "\r\n", "\r"]) {
    const answer = await take([header, ...lines].join(ends));
    expect(answer.status).toBe("refused");
    expect(answer.reason).toMatch(
      /^\d+ of at most \d+ lines would be rejected \(\d+ unknown creative\): nothing is stored/,
    );
    expect(answer.rejected).toBeGreaterThan(25_000);
    expect(answer.lines).toBeLessThan(35_000);
    expect(answer.errors).toHaveLength(100);
  }
  expect(await kept()).toBe(0);
});

test("of a packed file nobody knows how long it is: it is read to its end", async () => {
  const lines = [header, ...some("unknown", 9_000), ...some("79783", 1_000)];
  const answer = await take(gzipSync(lines.join("\n")), `${randomUUID()}.csv.gz`);
  expect(answer).toMatchObject({ status: "refused", lines: 10_000, rejected: 9_000 });
  expect(answer.reason).toMatch(/^9000 of 10000 lines would be rejected/);
});

test("where only the beginning is bad, the rest is stored and each rejected line is kept", async () => {
  const answer = await take([header, ...some("unknown", 8_000), ...some("79783", 12_000)].join("\n"));
  expect(answer).toMatchObject({ status: "ingested", lines: 20_000, rejected: 8_000, inserted: 12_000 });
  expect(answer.errors).toHaveLength(100);
  expect(answer.errors[0]).toMatchObject({ line: 2 });
  expect(await kept()).toBe(8_000);
});

test("exactly half is not too much", async () => {
  const answer = await take([header, ...some("unknown", 6_000), ...some("79783", 6_000)].join("\n"));
  expect(answer).toMatchObject({ status: "ingested", rejected: 6_000 });
});
