import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import fc from "fast-check";
import { sumMoney } from "../../core/money.ts";
import { createRedactor } from "../../core/redact.ts";
import { loadConfig } from "../../settings/config.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { readBookDifferences } from "../../queries/files/books.ts";
import { refreshAggregates } from "../../queries/rtb/rollups.ts";
import type { Database, Session } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createIngestActivities } from "./ingest.ts";

jest.setTimeout(300_000);

const client = "713";
let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "files-model-"))]);
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

type Combine = "sum" | "later";
interface Line {
  creative: number;
  day: string;
  device: string;
  shown: number;
  /** In cents; what is negative is never good. */
  cents: number;
}
interface File {
  combine: Combine;
  lines: Line[];
}
type Step =
  | { do: "ingest"; file: File; killAt: number }
  | { do: "again"; which: number; killAt: number }
  | { do: "redrive"; which: number; killAt: number }
  | { do: "knowCreative" }
  | { do: "knowDevice" };

/** What is true, in a few lines: per key what the latest file says of it, and what became of each line. */
class Model {
  readonly rows = new Map<string, { file: number; line: number; shown: number; cents: number }>();
  readonly receipts = new Map<number, ReturnType<typeof emptyReceipt>>();
  readonly waiting = new Map<number, Map<number, Line>>();
  readonly taken: { fileId: number; file: File }[] = [];
  readonly creatives = new Set([1]);
  readonly devices = new Set(["mobile"]);

  isGood = (line: Line) => this.creatives.has(line.creative) && this.devices.has(line.device) && line.cents >= 0;

  ingest(fileId: number, file: File): void {
    this.taken.push({ fileId, file });
    this.receipts.set(fileId, { ...emptyReceipt(), lines: file.lines.length, rejected: file.lines.length });
    this.waiting.set(fileId, new Map(file.lines.map((line, index) => [index + 2, line])));
    this.redrive(fileId, file.combine);
  }

  redrive(fileId: number, combine: Combine): void {
    const receipt = this.receipts.get(fileId) ?? emptyReceipt();
    const waiting = this.waiting.get(fileId) ?? new Map<number, Line>();
    const good = [...waiting].filter(([, line]) => this.isGood(line));
    const overwritten = (cents: number) => {
      receipt.superseded += 1;
      receipt.supersededCents += cents;
    };
    const byKey = new Map<string, { line: number; shown: number; cents: number }>();
    for (const [number, { creative, day, shown, cents }] of good) {
      waiting.delete(number);
      receipt.rejected -= 1;
      const key = `${creative} ${day}`;
      const before = byKey.get(key);
      if (before !== undefined && combine === "sum") receipt.combined += 1;
      else if (before !== undefined) overwritten(before.cents);
      const plus = combine === "sum" ? (before ?? { shown: 0, cents: 0 }) : { shown: 0, cents: 0 };
      byKey.set(key, { line: number, shown: plus.shown + shown, cents: plus.cents + cents });
    }
    for (const [key, one] of byKey) {
      const row = this.rows.get(key);
      if (
        row !== undefined &&
        (row.file > fileId || (row.file === fileId && combine === "later" && row.line > one.line))
      ) {
        overwritten(one.cents);
        continue;
      }
      receipt.cents += one.cents;
      let { shown, cents } = one;
      if (row === undefined) receipt.inserted += 1;
      else if (row.file < fileId) receipt[row.shown === shown && row.cents === cents ? "unchanged" : "updated"] += 1;
      else if (combine === "sum") {
        receipt.combined += 1;
        shown += row.shown;
        cents += row.cents;
      } else {
        receipt.cents -= row.cents;
        overwritten(row.cents);
      }
      this.rows.set(key, { file: fileId, line: one.line, shown, cents });
    }
  }
}
const emptyReceipt = () => ({
  lines: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  combined: 0,
  superseded: 0,
  rejected: 0,
  cents: 0,
  supersededCents: 0,
});

const days = ["2025-11-29", "2025-11-29", "2025-11-28"];
const anyLine: fc.Arbitrary<Line> = fc.record({
  creative: fc.constantFrom(1, 1, 1, 3),
  day: fc.constantFrom(...days),
  device: fc.constantFrom("mobile", "phonn"),
  shown: fc.constantFrom(1, 1, 2),
  cents: fc.constantFrom(100, 100, 100, 250, -1),
});
const anyFile: fc.Arbitrary<File> = fc.record({
  combine: fc.constantFrom("sum", "later"),
  lines: fc.array(anyLine, { minLength: 1, maxLength: 8 }),
});
const which = fc.nat({ max: 5 });
/** The statement of the transaction at which its session is ended; most of them are not. */
const killAt = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 30 }) },
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("ingest" as const), file: anyFile, killAt }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("again" as const), which, killAt }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("redrive" as const), which, killAt }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("knowCreative" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("knowDevice" as const) }) },
);

/** In the end all is mended that can be, and redriven. */
const anySteps: fc.Arbitrary<Step[]> = fc
  .tuple(fc.array(anyStep, { minLength: 2, maxLength: 6 }), fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), killAt)
  .map(([steps, order, killed]) => [
    ...steps,
    { do: "knowCreative" },
    { do: "knowDevice" },
    ...order.map((one) => ({ do: "redrive" as const, which: one, killAt: killed })),
  ]);

function activitiesOver(pool: Database) {
  const config = loadConfig(
    {
      DATABASE_URL: database.url,
      IMPORT_DIR: folder,
      CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
    },
    vendors,
    sources,
  );
  return createIngestActivities({ database: pool, config, redact: createRedactor(config.secrets) });
}
type Activities = ReturnType<typeof activitiesOver>;

const run = <Result>(runId: string, work: () => Promise<Result>): Promise<Result> =>
  new MockActivityEnvironment(
    { workflowExecution: { workflowId: "files/713/model", runId } },
    { logger: new DefaultLogger("ERROR") },
  ).run(work) as Promise<Result>;

/** The pool, but a transaction's session is ended before its statement of this number. */
function endingAt(killed: number): Database {
  return Object.assign(Object.create(database.pool) as Database, {
    query: database.pool.query.bind(database.pool),
    connect: async () => {
      const session = (await database.pool.connect()) as Session & { processID: number };
      const query = session.query.bind(session) as (...given: unknown[]) => unknown;
      let statements = 0;
      const counted = (...given: unknown[]): unknown => {
        statements += 1;
        // A COPY is a stream, and cannot be held back.
        if (statements < killed || typeof given[0] !== "string") return query(...given);
        return end(session.processID).then(() => query(...given));
      };
      const release = session.release.bind(session);
      return Object.assign(session, {
        query: counted,
        release: (error?: Error) => {
          Reflect.deleteProperty(session, "query");
          Reflect.deleteProperty(session, "release");
          release(error);
        },
      });
    },
  });
}

async function end(pid: number): Promise<void> {
  await database.pool.query("select pg_terminate_backend($1)", [pid]);
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await wait(2)) {
    const { rowCount } = await database.pool.query("select from pg_stat_activity where pid = $1", [pid]);
    if (rowCount === 0) return;
  }
  throw new Error("the session did not end");
}

/** Does it as Temporal would: an attempt that fails is made again, in the same run. */
async function attempted<Result>(
  killed: number,
  work: (activities: Activities) => Promise<Result>,
  unchanged: () => Promise<void>,
): Promise<Result> {
  const runId = randomUUID();
  if (killed > 0) {
    const first = await run(runId, () => work(activitiesOver(endingAt(killed)))).catch((error: unknown) => error);
    if (!(first instanceof Error)) return first as Result;
    await unchanged();
  }
  return run(runId, () => work(activitiesOver(database.pool)));
}

let written = 0;
async function writeMapping(combine: Combine, devices: Record<string, string>): Promise<void> {
  const columns = {
    creative_id: ["creative"],
    date: ["day"],
    impressions: ["shown"],
    clicks: ["clicked"],
    spend: ["cost"],
    device_type: ["device"],
  };
  const mapping = { name: combine, title: combine, columns, ignore: ["note"], combine, devices };
  await writeFile(path.join(folder, `${combine}.json`), JSON.stringify(mapping));
}

async function writeLines({ lines }: File): Promise<string> {
  written += 1;
  const text = lines.map(
    ({ creative, day, device, shown, cents }) =>
      `${creative},${day},${shown},0,${cents < 0 ? "oops" : (cents / 100).toFixed(2)},${device},${written}`,
  );
  await writeFile(
    path.join(folder, `${written}.csv`),
    `${["creative,day,shown,clicked,cost,device,note", ...text].join("\n")}\n`,
  );
  return `${written}.csv`;
}

const money = (cents: number) => sumMoney([(cents / 100).toFixed(2)]);
async function ask(text: string): Promise<Record<string, unknown>[]> {
  return (await database.pool.query<Record<string, unknown>>(text)).rows;
}

/** The table, the receipts, the quarantine and the roll-ups are what the model says, and add up. */
async function expectModel(model: Model): Promise<void> {
  expect(
    await ask(
      "select creative_id || ' ' || date as key, impressions as shown, sum(spend)::text as spend from rtb.performance group by 1, 2 order by 1",
    ),
  ).toEqual(
    [...model.rows]
      .map(([key, { shown, cents }]) => ({ key, shown, spend: Number(money(cents)).toFixed(6) }))
      .sort((one, other) => (one.key < other.key ? -1 : 1)),
  );
  expect(
    await ask(
      `select file_id as file, lines, inserted, updated, unchanged, combined, superseded, rejected, (spend * 100)::int as cents,
              (superseded_spend * 100)::int as "supersededCents" from ops.files order by 1`,
    ),
  ).toEqual([...model.receipts].map(([file, receipt]) => ({ file, ...receipt })));
  expect(
    await ask("select slice || ' ' || line as line from ops.quarantine where resolved_at is null order by slice, line"),
  ).toEqual(
    [...model.waiting]
      .sort(([one], [other]) => (`file/${one}` < `file/${other}` ? -1 : 1))
      .flatMap(([file, lines]) => [...lines.keys()].map((line) => ({ line: `file/${file} ${line}` }))),
  );
  const sums = new Map<string, number>();
  for (const [key, { cents }] of model.rows) {
    const [creative = ""] = key.split(" ");
    sums.set(creative, (sums.get(creative) ?? 0) + cents);
  }
  expect(
    await ask(
      "select creative_id as id, (spend * 100)::int as cents from rtb.creative_periods where period = 'all' order by 1",
    ),
  ).toEqual([...sums].map(([id, cents]) => ({ id, cents })).sort((one, other) => Number(one.id) - Number(other.id)));
  expect(await readBookDifferences(database.pool, { client })).toEqual([]);
  expect(await ask("select message from ops.alerts where kind = 'file_books'")).toEqual([]);
}

async function take(model: Model, step: Step): Promise<void> {
  const unchanged = () => expectModel(model);
  if (step.do === "knowCreative") {
    if (model.creatives.has(3)) return;
    model.creatives.add(3);
    await ask(`insert into rtb.creatives (_client_id, creative_id) values ('${client}', 3)`);
  } else if (step.do === "knowDevice") {
    model.devices.add("phonn");
    for (const combine of ["sum", "later"] as const) await writeMapping(combine, { phonn: "mobile" });
  } else if (step.do === "redrive") {
    const one = model.taken[step.which % Math.max(model.taken.length, 1)];
    if (one === undefined) return;
    const of = { client, fileId: one.fileId, after: 0 };
    await attempted(step.killAt, (activities) => activities.redriveLines(of), unchanged);
    model.redrive(one.fileId, one.file.combine);
  } else {
    const file = step.do === "ingest" ? step.file : model.taken[step.which % Math.max(model.taken.length, 1)]?.file;
    if (file === undefined) return;
    const input = { path: await writeLines(file), mapping: `${file.combine}.json`, force: true };
    const answer = await attempted(step.killAt, (activities) => activities.takeFile(input), unchanged);
    model.ingest(answer.fileId ?? 0, file);
  }
}

test("files that are imported, imported again and redriven in any order, also when sessions end in between, come to what a few lines say", async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, async (steps) => {
      await database.pool.query(
        `truncate rtb.creative_thumbnails, rtb.creatives, rtb.performance_metrics, rtb.creative_performance, rtb.client_performance, ops.files, ops.file_days, ops.file_headers,
                  ops.quarantine, ops.alerts restart identity;
         insert into rtb.creatives (_client_id, creative_id) values ('713', 1)`,
      );
      for (const combine of ["sum", "later"] as const) await writeMapping(combine, {});
      const model = new Model();
      for (const step of steps) {
        await take(model, step);
        await expectModel(model);
      }
      const rollups = () => ask("select * from rtb.creative_performance order by creative_id");
      const kept = await rollups();
      await refreshAggregates(database.pool, { client, today: "2025-11-30" });
      expect(await rollups()).toEqual(kept);
    }),
    { numRuns: Number(process.env["MODEL_RUNS"] ?? 15) },
  );
});
