import { copyFile, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import * as ours from "./environment.ts";

// A project of its own, so that a stack running in this one neither helps nor suffers.
let root: string;
let project: typeof ours;

beforeAll(async () => {
  root = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room environment-")));
  await mkdir(path.join(root, "core"));
  await writeFile(path.join(root, "package.json"), '{ "name": "signal-room", "type": "module" }');
  // Some other package's manifest on the way up, as in dist/.
  await writeFile(path.join(root, "core", "package.json"), '{ "type": "module" }');
  await copyFile(path.join(import.meta.dirname, "environment.ts"), path.join(root, "core", "environment.ts"));
  project = (await import(path.join(root, "core", "environment.ts"))) as typeof ours;
});
beforeEach(async () => {
  await rm(path.join(root, ".env"), { force: true });
  await rm(path.join(root, ".signal-room"), { recursive: true, force: true });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const stack = {
  DATABASE_URL: "postgres://local:55432/signal_room",
  TEMPORAL_ADDRESS: "127.0.0.1:7233",
  REDTRACK_BASE_URL_713: "http://127.0.0.1:3010/redtrack",
};
const writeEnv = (text: string) => writeFile(path.join(root, ".env"), text);
async function runStack(): Promise<void> {
  await mkdir(path.join(root, ".signal-room"), { recursive: true });
  await writeFile(project.stackFile(), JSON.stringify(stack));
}

test("the project's folder is the one whose package.json names it", () => {
  expect(project.projectRoot()).toBe(root);
  expect(ours.projectRoot()).toBe(path.dirname(import.meta.dirname));
});

test("the environment wins over .env, and an empty value does not", async () => {
  await writeEnv('API_PORT=4000\nLOG_LEVEL="debug"\nALERT_WEBHOOK_URL=https://a.example/x#y\n');
  expect(project.readEnvironment({ API_PORT: "5000", LOG_LEVEL: "", NODE_ENV: undefined })).toMatchObject({
    API_PORT: "5000",
    LOG_LEVEL: "debug",
  });
});

test("a running local stack tells the commands where its servers are", async () => {
  expect(project.readEnvironment({ A: "1" })).toEqual({ A: "1" });
  await runStack();
  expect(project.readEnvironment({ A: "1" })).toEqual({ ...stack, A: "1" });
  expect(project.readEnvironment({ DATABASE_URL: stack.DATABASE_URL, REDTRACK_BASE_URL_713: "https://x" })).toEqual({
    ...stack,
    REDTRACK_BASE_URL_713: "https://x",
  });
});

test("a sandbox's address never ends up beside another database or another Temporal", async () => {
  await runStack();
  for (const elsewhere of [{ DATABASE_URL: "postgres://prod/app" }, { TEMPORAL_ADDRESS: "cloud.example:7233" }]) {
    expect(project.readEnvironment(elsewhere)).toEqual(elsewhere);
  }
  await writeEnv("DATABASE_URL=postgres://prod/app\n");
  expect(project.readEnvironment({})).toEqual({ DATABASE_URL: "postgres://prod/app" });
});

test("a port set for another stack counts for the commands too", async () => {
  await runStack();
  const elsewhere = { TEMPORAL_PORT: "7999" };
  expect(project.readEnvironment(elsewhere)).toEqual({ ...elsewhere, TEMPORAL_ADDRESS: "127.0.0.1:7999" });
  expect(project.readEnvironment({ POSTGRES_PORT: "55999" })).toEqual({ POSTGRES_PORT: "55999" });
  // The running stack's own ports name no other stack.
  const same = { TEMPORAL_PORT: "7233", POSTGRES_PORT: "55432" };
  expect(project.readEnvironment(same)).toEqual({ ...stack, ...same });
  // An address says more than a port.
  const both = { TEMPORAL_PORT: "7999", TEMPORAL_ADDRESS: "cloud.example:7233" };
  expect(project.readEnvironment(both)).toEqual(both);
});

test("what a person set is read without the running stack", async () => {
  await runStack();
  await writeEnv("API_PORT=4000\n");
  expect(project.readOwnEnvironment({ A: "1" })).toEqual({ API_PORT: "4000", A: "1" });
});
