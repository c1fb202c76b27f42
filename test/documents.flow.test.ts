import { execFile } from "node:child_process";
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { applyChange, copyProject, followDocument, stepsOf } from "./follow-document.ts";

jest.setTimeout(300_000);

const run = promisify(execFile);

/** What a newcomer would do to see the day come, as a test of the copy. */
const pullADay = `
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { startStack, uniqueId, type TestStack } from "./test/stack.ts";
jest.setTimeout(120_000);
let stack: TestStack;
beforeAll(async () => { stack = await startStack({ TIDEWATER_TOKEN: "sandbox-713" }); });
afterAll(() => stack.stop());
test("a day of the new source is pulled, described and scheduled", async () => {
  const input = { source: "tidewater.daily_cost", day: "2025-12-18" };
  const result = await (await stack.start("syncSlice", uniqueId("tidewater"), input)).result();
  expect(result).toMatchObject({ outcome: "changed", inserted: 4 });
  expect(await stack.rows("select count(*)::int as rows from tidewater.daily_cost where cost > 0")).toEqual([{ rows: 4 }]);
  expect(await stack.rows("select col_description('tidewater.daily_cost'::regclass, 3) as words")).toEqual([{ words: "Tidewater's id of the campaign." }]);
  expect(await stack.rows("select has_table_privilege('signal_room_reader', 'tidewater.daily_cost', 'select') as may")).toEqual([{ may: true }]);
});
`;

/** And to see a conversion arrive. */
const deliverOne = `
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { plannedSchedules } from "./temporal.config.ts";
import { addConversions, createDeliverables } from "./test/deliverable.ts";
import { startStack, uniqueId, type TestStack } from "./test/stack.ts";
import { startSandbox, type Sandbox } from "./sandbox/server.ts";
import { createPier } from "./connectors/destinations/pier.test.ts";
jest.setTimeout(120_000);
let stack: TestStack;
let vendor: Sandbox;
beforeAll(async () => {
  vendor = await startSandbox({ vendors: { pier: createPier } });
  stack = await startStack({ PIER_TOKEN: "sandbox-713", PIER_BASE_URL: vendor.url + "/pier" });
  await createDeliverables(stack.database.pool);
});
afterAll(async () => {
  await stack.stop();
  await vendor.close();
});
test("a conversion goes to the new destination, once, on a schedule of its own", async () => {
  const [key] = await addConversions(stack.database.pool, [{}]);
  for (const delivered of [1, 0]) {
    const ended = await (await stack.start("deliverConversions", uniqueId("pier"), {})).result();
    expect(ended).toMatchObject([{ destination: "pier", delivered, stopped: null }]);
  }
  const dump = await fetch(vendor.url + "/_control/dump?vendor=pier&client=713&from=2020-01-01&to=2100-01-01");
  expect(await dump.json()).toMatchObject([{ id: key, received: 1 }]);
  expect(await stack.rows("select state, last_answer from ops.deliveries")).toEqual([{ state: "delivered", last_answer: "counted" }]);
  expect(plannedSchedules(stack.config).map(({ scheduleId }) => scheduleId)).toContain("deliver-conversions");
});
`;

let folder: string;
const touched: Record<string, string[]> = {};
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room documents-")));
  await copyProject(folder);
  for (const document of ["docs/adding-a-source.md", "docs/adding-a-platform.md", "docs/adding-a-destination.md"])
    touched[document] = await followDocument(folder, document);
  await writeFile(path.join(folder, "pull-a-day.flow.test.ts"), pullADay);
  await writeFile(path.join(folder, "deliver-one.flow.test.ts"), deliverOne);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const inCopy = async (program: string, ...args: string[]) => {
  const env = { ...process.env, NODE_OPTIONS: "--experimental-vm-modules", JEST_WORKER_ID: undefined };
  const ended = await run(process.execPath, [path.join(folder, "node_modules", program), ...args], {
    cwd: folder,
    env,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: { stdout: string; stderr: string }) => ({ ...error, failed: true }));
  return "failed" in ended ? `${ended.stdout}\n${ended.stderr}` : null;
};

test.each([
  [
    "source",
    "Six things are made by hand",
    [
      "connectors/registry.ts",
      "connectors/sources/fixtures/tidewater-costs.json",
      "connectors/sources/tidewater.test.ts",
      "connectors/sources/tidewater.ts",
      "sandbox/vendors/tidewater.ts",
      "schema/tidewater.ts",
    ],
  ],
  [
    "platform",
    "Three things are made by hand",
    ["connectors/platforms/harbor.test.ts", "connectors/platforms/harbor.ts", "connectors/platforms/registry.ts"],
  ],
  [
    "destination",
    "Three things are made by hand",
    ["connectors/destinations/pier.test.ts", "connectors/destinations/pier.ts", "connectors/destinations/registry.ts"],
  ],
])("a %s is made of as many things by hand as its document says: %s", async (what, words, files) => {
  const document = `docs/adding-a-${what}.md`;
  expect(touched[document]?.toSorted()).toEqual(files);
  expect(await readFile(path.join(folder, document), "utf8")).toContain(words);
});

test("who follows the documents has code that compiles, passes its tests, pulls a day and delivers a conversion", async () => {
  expect(await inCopy("drizzle-kit/bin.cjs", "generate", "--name", "tidewater")).toBeNull();
  expect(await inCopy("typescript/bin/tsc", "-p", ".")).toBeNull();
  const tests = [
    "connectors/sources/tidewater",
    "connectors/platforms/harbor",
    "connectors/destinations/pier",
    "architecture",
    "domains",
    "pull-a-day",
    "deliver-one",
  ];
  expect(
    await inCopy(
      "jest/bin/jest.js",
      "--selectProjects",
      "unit",
      "flow",
      "--maxWorkers",
      "1",
      "--testPathPatterns",
      ...tests,
    ),
  ).toBeNull();
});

test("a change that does not fit the file any more is named", () => {
  expect(applyChange("a\nb\nc\n", " a\n+x\n ...\n-c\n+d\n")).toBe("a\nx\nb\nd\n");
  expect(() => applyChange("a\n", " b\n+c\n")).toThrow("stands 0 times");
  expect(stepsOf("<!-- file: a/b.ts -->\n\n```ts\nx\n```\n")).toEqual([
    { what: "file", target: "a/b.ts", text: "x\n" },
  ]);
});
