import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Client, Connection } from "@temporalio/client";
import { freePorts, isAlive } from "./process.ts";
import { projectRoot } from "../../settings/environment.ts";
import { type RunningTemporal, type TemporalOptions, startTemporal } from "./temporal.ts";

jest.setTimeout(60_000);

let options: TemporalOptions;
let cleanUps: (() => Promise<unknown>)[];

beforeEach(async () => {
  const dataDir = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room-temporal-")));
  const [port = 0, uiPort = 0] = await freePorts(2);
  options = { dataDir, port, uiPort, namespace: "default" };
  cleanUps = [];
});

afterEach(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  await rm(options.dataDir, { recursive: true, force: true, maxRetries: 5 });
});

async function start(changes: Partial<TemporalOptions> = {}): Promise<RunningTemporal> {
  const server = await startTemporal({ ...options, ...changes });
  cleanUps.push(() => server.stop());
  return server;
}

test("a second start knows the workflows of the first and our search attributes; closed workflows are kept 30 days", async () => {
  const first = await start();
  const before = await Connection.connect({ address: first.address });
  await new Client({ connection: before }).workflow.start("unregisteredWorkflow", {
    taskQueue: "none",
    workflowId: "kept",
  });
  await before.close();
  await first.stop();

  const second = await start();
  const connection = await Connection.connect({ address: second.address });
  cleanUps.push(() => connection.close());
  expect((await new Client({ connection }).workflow.getHandle("kept").describe()).type).toBe("unregisteredWorkflow");
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: "default" });
  expect(Object.keys(customAttributes).sort()).toEqual(["ClientId", "Outcome", "SliceDay", "Source"]);
  const { config } = await connection.workflowService.describeNamespace({ namespace: "default" });
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
  expect((await fetch(String(second.uiUrl))).status).toBe(200);
});

test("the server that a killed stack left behind is stopped; one that is in use is left alone", async () => {
  const root = projectRoot();
  const code = `
    const { startTemporal } = await import(${JSON.stringify(path.join(root, "scripts/embedded/temporal.ts"))});
    console.log((await startTemporal(${JSON.stringify(options)})).pid);
    setInterval(() => {}, 1000);`;
  const args = ["--import", path.join(root, "test/register-typescript.js"), "--input-type=module", "-e", code];
  const parent = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  cleanUps.push(async () => parent.kill("SIGKILL"));
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const serverPid = Number(line.toString());
  await expect(start()).rejects.toThrow(`already running on ${options.dataDir} (process ${parent.pid})`);

  parent.kill("SIGKILL");
  await once(parent, "exit");
  expect(isAlive(serverPid)).toBe(true);
  const messages: string[] = [];
  await start({ onProgress: (message) => messages.push(message) });
  expect(isAlive(serverPid)).toBe(false);
  expect(messages).toEqual(["stopping the Temporal server that an earlier run left behind"]);
});

test.each([
  ["port", "TEMPORAL_PORT"],
  ["uiPort", "TEMPORAL_UI_PORT"],
] as const)("a %s in use is said with the setting that changes it, %s", async (which, setting) => {
  const other = net.createServer().listen(options[which], "127.0.0.1");
  await once(other, "listening");
  cleanUps.push(() => new Promise((resolve) => other.close(resolve)));
  await expect(start()).rejects.toThrow(
    `Port ${options[which]} is in use by another program. Set ${setting} to a free one.`,
  );
});
