import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { projectRoot } from "../../settings/environment.ts";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createRedactor } from "../../core/redact.ts";
import { loadConfig } from "../../settings/config.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { listQuarantine } from "../../queries/sync/list-quarantine.ts";
import { mergeSlice } from "../../queries/sync/merge.ts";
import { readHeader, sealStoredHeaders } from "../../queries/files/file-header.ts";
import { readEntry, readQuarantine, sealStoredContent } from "../../queries/sync/quarantine.ts";
import { takeFetchNumber } from "../../queries/sync/receipts.ts";
import { dailySpend } from "../../schema/redtrack.ts";
import { inTransaction } from "../../schema/database.ts";
import { everyRow, testDatabase, type TestDatabase } from "../../test/database.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { createIngestActivities } from "./ingest.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";

// The first command after a change builds dist/.
jest.setTimeout(180_000);

const client = "713";
/** What a file or a vendor's row may hold of a person, and must be nowhere to be read. */
const canaries = [
  ...["jane.canary@example.com", "+1 (555) 010-0199", "sk_live_4242deadbeef0000canary", "Jane Canary"],
  // A single word, and one with a digit.
  ...["Janecanary", "J4nec4n4ry"],
];
/** What the worker wrote. */
const log: string[] = [];
let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "canary-"))]);
  await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 1)");
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const configured = (settings: Record<string, string>) =>
  loadConfig({ DATABASE_URL: database.url, IMPORT_DIR: folder, ...settings }, vendors, sources);
const withKey = () => configured({ CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64") });

function expectNoCanary(where: string, text: string): void {
  expect(text.length).toBeGreaterThan(0);
  for (const canary of canaries) expect([where, canary, text.includes(canary)]).toEqual([where, canary, false]);
}

const columns = ["creative_id", "date", "impressions", "clicks", "spend", "geography", "device_type"];
const good = ["1", "2025-11-29", "10", "1", "0.50", "BR", "mobile"];

async function importFile(name: string, lines: string[][], settings = withKey()) {
  const text = [columns, ...lines].map((cells) => cells.map((cell) => `"${cell}"`).join(",")).join("\n");
  await writeFile(path.join(folder, name), `${text}\n`);
  return importNamed(name, settings);
}

function importNamed(name: string, settings = withKey(), ignore: string[] = []) {
  const { takeFile } = createIngestActivities({
    database: database.pool,
    config: settings,
    redact: createRedactor(settings.secrets),
  });
  return new MockActivityEnvironment(
    { workflowExecution: { workflowId: `ingest/${randomUUID()}`, runId: randomUUID() } },
    {
      logger: new DefaultLogger(
        "TRACE",
        ({ level, message, meta }) => void log.push(`${level} ${message} ${JSON.stringify(meta)}`),
      ),
    },
  ).run(takeFile, { path: name, ignore }) as Promise<IngestAnswer>;
}

const command = (...given: string[]) =>
  promisify(execFile)(process.execPath, ["scripts/run.mjs", ...given], {
    cwd: projectRoot(),
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      IMPORT_DIR: folder,
      NODE_OPTIONS: "",
      CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
    },
  }).then(
    ({ stdout, stderr }) => `${stdout}\n${stderr}`,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}\n${stderr}`,
  );

test("nor does the name of a column or of the file itself", async () => {
  const [address = "", phone = ""] = canaries;
  const text = [
    [...columns, address, phone],
    [...good, "x", "y"],
  ]
    .map((cells) => cells.join(","))
    .join("\n");
  const name = `${address}.csv`;
  await writeFile(path.join(folder, name), `${text}\n`);
  const refused = await importNamed(name);
  expect(refused).toMatchObject({ status: "refused", name: "[address].csv" });
  expectNoCanary("the refusal", JSON.stringify(refused));
  const [file] = (await database.pool.query("select name, reason from ops.files order by file_id desc limit 1")).rows;
  expectNoCanary("its receipt", JSON.stringify(file));
  expectNoCanary(
    "the alerts",
    JSON.stringify((await database.pool.query("select subject, message from ops.alerts")).rows),
  );
});

test("nor does the header that is kept for rejected lines, which are read by it all the same", async () => {
  const [address = "", phone = ""] = canaries;
  const name = "headed.csv";
  const lines = [
    [...columns, address, phone],
    [...good, "x", "y"],
    ["2", ...good.slice(1), "x", "y"],
  ];
  await writeFile(path.join(folder, name), lines.map((cells) => cells.join(",")).join("\n"));
  const taken = await importNamed(name, withKey(), [address, phone]);
  expect(taken).toMatchObject({ status: "ingested", rejected: 1 });
  const kept = () =>
    database.pool.query("select header, mapping_content from ops.file_headers where file_id = $1", [taken.fileId]);
  expectNoCanary("the header", JSON.stringify((await kept()).rows));
  // One that was kept in clear before.
  const seal = quarantineSeal(withKey());
  const of = { client, fileId: taken.fileId ?? 0 };
  const header = await readHeader(database.pool, of, seal);
  expect(header?.header).toBe(lines[0]?.join(","));
  await database.pool.query("update ops.file_headers set header = $2, mapping_content = $3 where file_id = $1", [
    taken.fileId,
    header?.header,
    JSON.stringify(header?.mappingContent),
  ]);
  expect(await sealStoredHeaders(database.pool, seal)).toBe(1);
  expect(await sealStoredHeaders(database.pool, seal)).toBe(0);
  expectNoCanary("the header sealed later", JSON.stringify((await kept()).rows));
  expect(await readHeader(database.pool, of, seal)).toEqual(header);
  await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 2)");
  const config = withKey();
  const { redriveLines } = createIngestActivities({
    database: database.pool,
    config,
    redact: createRedactor(config.secrets),
  });
  const redriven = await new MockActivityEnvironment(
    { workflowExecution: { workflowId: "files/713/test", runId: randomUUID() } },
    { logger: new DefaultLogger("ERROR") },
  ).run(redriveLines, { ...of, after: 0 });
  expect(redriven).toMatchObject({ tried: 1, resolved: 1, remaining: 0 });
});

test("whatever cell of a file names a person, no table, answer or alert shows it, and only the key opens it", async () => {
  const bad = canaries.flatMap((canary) =>
    columns.map((_, place) => good.map((cell, index) => (index === place ? canary : cell))),
  );
  const answer = await importFile("cells.csv", [good, ...bad]);
  expect(answer).toMatchObject({ status: "ingested", rejected: bad.length });
  expectNoCanary("the answer", JSON.stringify(answer));
  // Refused whole, it is in the refusal's reason and alert.
  const refused = await importFile("most.csv", [...Array.from({ length: 4 }, () => bad).flat()]);
  expect(refused).toMatchObject({ status: "refused" });
  expectNoCanary("the refusal", JSON.stringify(refused));
  expectNoCanary("the tables", await everyRow(database.pool));
  const listed = await readQuarantine(database.pool, { client, openOnly: true, limit: 100 });
  expectNoCanary("the list", JSON.stringify(listed));
  expectNoCanary("the API's list", JSON.stringify(await listQuarantine(database.pool, { client, limit: 100 })));
  // What an operator's terminal shows, on both streams.
  const ids = listed.slice(0, 2).map(({ quarantineId }) => String(quarantineId));
  for (const given of [
    ["quarantine", "list", "--limit", "500"],
    ["quarantine", "list", "--json"],
    ["status"],
    ["quarantine", "show", ids[0] ?? ""],
    ["quarantine", "correct", ids[1] ?? "", "--line", " "],
  ]) {
    const said = await command(...given);
    expectNoCanary(given.join(" "), said);
  }
  expectNoCanary("the worker's log", [...log, "nothing else was logged"].join("\n"));
  const opened = await Promise.all(
    listed.map(async ({ quarantineId }) =>
      quarantineSeal(withKey()).open((await readEntry(database.pool, quarantineId))?.stored ?? ""),
    ),
  );
  for (const canary of canaries)
    expect([canary, opened.filter((line) => line?.includes(canary)).length]).toEqual([canary, columns.length]);
});

test("a vendor's row that cannot be stored is sealed with all its fields", async () => {
  const { fetchSeq, fetchedAt } = await takeFetchNumber(database.pool);
  const content = Object.fromEntries(canaries.map((canary, index) => [`field${index}`, canary]));
  const seal = quarantineSeal(withKey());
  await inTransaction(database.pool, (session) =>
    mergeSlice(
      session,
      {
        client,
        source: "redtrack.daily_spend",
        day: "2025-12-18",
        timezone: "America/New_York",
        table: dailySpend,
        answers: "complete",
        keyedBy: "aggregate",
        amount: { column: "cost" },
      },
      {
        rows: [],
        quarantined: [{ reason: "no source", amount: "1.00", content }],
        pages: 1,
        total: "0",
        quarantinedTotal: "1.00",
        vendorTotal: null,
        contentHash: "hash",
      },
      {
        fetchSeq,
        fetchedAt,
        isFinal: false,
        origin: "real",
        runId: "run",
        workflowId: "workflow",
        workflowRunId: "run",
        attempt: 1,
        acceptEmpty: false,
        mostWithdrawnPercent: 100,
        seal,
      },
    ),
  );
  expectNoCanary("the tables", await everyRow(database.pool));
  const [entry] = await readQuarantine(database.pool, { source: "redtrack.daily_spend", openOnly: true, limit: 1 });
  const stored = (await readEntry(database.pool, entry?.quarantineId ?? 0))?.stored ?? "";
  expect(JSON.parse(seal.open(stored) ?? "")).toEqual(content);
});

test("what was stored in clear before is sealed, once, and opens as it was", async () => {
  await database.pool.query(
    `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id)
     select $1, 'rtb.performance', 'file/99', n, 'reason', 'line ' || n || ' of jane.canary@example.com', n, 'run' from generate_series(1, 2500) n`,
    [client],
  );
  const seal = quarantineSeal(withKey());
  expect(await sealStoredContent(database.pool, quarantineSeal(configured({})))).toBe(0);
  expect(await sealStoredContent(database.pool, seal)).toBe(2_500);
  expect(await sealStoredContent(database.pool, seal)).toBe(0);
  expectNoCanary("the tables", await everyRow(database.pool));
  const { rows } = await database.pool.query<{ content: string }>(
    "select content from ops.quarantine where slice = 'file/99' and line = 7",
  );
  expect(seal.open(rows[0]?.content ?? "")).toBe("line 7 of jane.canary@example.com");
});

test("without a key no line is kept, and nothing is taken for resolved", async () => {
  await importFile("keyless.csv", [good, good.with(0, "7")], configured({}));
  const { rows } = await database.pool.query(
    "select content, whole from ops.quarantine order by quarantine_id desc limit 1",
  );
  expect(rows).toEqual([{ content: "", whole: false }]);
});
