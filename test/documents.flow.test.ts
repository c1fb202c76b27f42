import { execFile } from "node:child_process";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
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

let folder: string;
const touched: string[] = [];
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room documents-")));
  await copyProject(folder);
  for (const document of ["docs/adding-a-source.md", "docs/adding-a-platform.md"])
    touched.push(...(await followDocument(folder, document)));
  await writeFile(path.join(folder, "pull-a-day.flow.test.ts"), pullADay);
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

test("a source is six things by hand", () => {
  expect(touched.filter((file) => /tidewater|connectors\/registry/.test(file)).sort()).toEqual([
    "connectors/registry.ts",
    "connectors/sources/fixtures/tidewater-costs.json",
    "connectors/sources/tidewater.test.ts",
    "connectors/sources/tidewater.ts",
    "sandbox/vendors/tidewater.ts",
    "schema/tidewater.ts",
  ]);
});

test("who follows the documents has code that compiles, passes its tests, and pulls a day", async () => {
  expect(await inCopy("drizzle-kit/bin.cjs", "generate", "--name", "tidewater")).toBeNull();
  expect(await inCopy("typescript/bin/tsc", "-p", ".")).toBeNull();
  const tests = [
    "connectors/sources/tidewater",
    "connectors/platforms/harbor",
    "architecture",
    "domains",
    "pull-a-day",
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
