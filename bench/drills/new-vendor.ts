import { execFile } from "node:child_process";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { finding, notRun, type Drill, type Finding } from "./drill.ts";
import { addingDocuments, copyProject, followDocument, isCheckout } from "./follow-document.ts";

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

/** Each is run in the copy, one after the other. */
const steps: readonly [string, ...string[]][] = [
  ["drizzle-kit/bin.cjs", "generate", "--name", "tidewater"],
  ["typescript/bin/tsc", "-p", "."],
  [
    "jest/bin/jest.js",
    ...["--selectProjects", "unit", "flow", "--maxWorkers", "1", "--testPathPatterns"],
    ...["connectors/sources/tidewater", "connectors/platforms/harbor", "connectors/destinations/pier"],
    ...["architecture", "domains", "pull-a-day", "deliver-one"],
  ],
];

export const newVendor: Drill = {
  rows: [],
  name: "new-vendor",
  done: `${addingDocuments.join(", ")} followed to the letter in a copy of the project`,
  expected: "the copy compiles, passes its tests, pulls a day of the new source and delivers a conversion",
  isShort: true,
  run: async ({ say }) => {
    if (!(await isCheckout())) return notRun("the documents are followed in a copy of the sources, which are not here");
    const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room documents-")));
    try {
      return await follow(folder, say);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function follow(folder: string, say: (line: string) => void): Promise<Finding> {
  await copyProject(folder);
  let made = 0;
  for (const document of addingDocuments) made += (await followDocument(folder, document)).length;
  await writeFile(path.join(folder, "pull-a-day.flow.test.ts"), pullADay);
  await writeFile(path.join(folder, "deliver-one.flow.test.ts"), deliverOne);
  const env = { ...process.env, NODE_OPTIONS: "--experimental-vm-modules" };
  for (const [program, ...args] of steps) {
    const command = [path.join(folder, "node_modules", program), ...args];
    const complaint = await run(process.execPath, command, { cwd: folder, env, maxBuffer: 64 * 1024 * 1024 }).then(
      () => null,
      (error: { stdout: string; stderr: string }) => `${error.stdout}\n${error.stderr}`,
    );
    if (complaint === null) continue;
    say(complaint.slice(-4_000));
    return finding(false, `${program} fails in the copy`);
  }
  return finding(true, `${made} blocks of the documents applied; compiled, tested, pulled and delivered`);
}
