import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

// The first command after a change builds dist/.
jest.setTimeout(120_000);

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const quarantine = (...given: string[]) =>
  promisify(execFile)(process.execPath, ["scripts/run.mjs", "quarantine", ...given], {
    cwd: projectRoot(),
    env: { ...process.env, DATABASE_URL: database.url, NODE_OPTIONS: "" },
  }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, said: error.stderr }),
  );

test("a file that is not there is not one with nothing to do", async () => {
  const missing = await quarantine("redrive", "--file", "999");
  expect(missing).toEqual({ code: 2, said: expect.stringContaining("there is no file 999") });
  await expect(quarantine("redrive")).resolves.toEqual({ code: 0, said: expect.stringContaining("open entries") });
});
