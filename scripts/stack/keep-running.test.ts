import { expect, test } from "@jest/globals";
import type { ServerExit } from "../embedded/process.ts";
import { downGraceMs, keepRunning, stopInOrder, type Running } from "./keep-running.ts";

/** A part that dies when told to. */
function part() {
  const started: { die: () => void; stopped: boolean }[] = [];
  let trouble: string | null = null;
  const waiting: (() => void)[] = [];
  const start = async (): Promise<Running> => {
    if (trouble !== null) {
      started.push({ die: () => undefined, stopped: false });
      waiting.splice(0).forEach((look) => look());
      throw new Error(trouble);
    }
    let die: (exit: ServerExit) => void = () => undefined;
    const exited = new Promise<ServerExit>((resolve) => (die = resolve));
    const one = { die: () => die({ code: null, signal: "SIGKILL" }), stopped: false };
    started.push(one);
    waiting.splice(0).forEach((look) => look());
    return { exited, logFile: "part.log", stop: async () => void (one.stopped = true) };
  };
  return {
    start,
    started,
    refuse: (message: string) => (trouble = message),
    async untilStarted(times: number) {
      while (started.length < times) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

test("what dies is started again, each time after a longer pause, and it is said", async () => {
  const { start, started, untilStarted } = part();
  const said: string[] = [];
  const kept = await keepRunning({
    name: "Postgres",
    start,
    say: (message) => said.push(message),
    giveUp: () => undefined,
    firstPauseMs: 4,
  });
  for (const times of [2, 3]) {
    started.at(-1)?.die();
    await untilStarted(times);
  }
  expect(said.filter((line) => line.includes("Starting"))).toEqual([
    "Postgres: killed by SIGKILL. Starting it again in 0.004 s; its log is part.log",
    "Postgres: killed by SIGKILL. Starting it again in 0.008 s; its log is part.log",
  ]);
  await kept.stop();
  expect(started.map(({ stopped }) => stopped)).toEqual([false, false, true]);
});

test("after five deaths in a row it gives up with the reason; a start that fails is a death", async () => {
  const { start, started, refuse } = part();
  const given = new Promise<string>((resolve) => {
    void keepRunning({ name: "Temporal", start, say: () => undefined, giveUp: resolve, firstPauseMs: 1 }).then(() => {
      refuse("port 7233 is in use");
      started[0]?.die();
    });
  });
  expect(await given).toBe("Temporal died 5 times in a row, the last time: port 7233 is in use. Its log is part.log");
  expect(started).toHaveLength(5);
});

test("who was up for long enough did not die in a row", async () => {
  const { start, started, untilStarted } = part();
  let gaveUp = false;
  const kept = await keepRunning({
    name: "api",
    start,
    say: () => undefined,
    giveUp: () => (gaveUp = true),
    firstPauseMs: 1,
    settledMs: 0,
  });
  for (let times = 2; times <= 8; times += 1) {
    started.at(-1)?.die();
    await untilStarted(times);
  }
  expect(gaveUp).toBe(false);
  await kept.stop();
});

test("a stop during the pause waits for nothing", async () => {
  const { start, started } = part();
  const kept = await keepRunning({
    name: "worker",
    start,
    say: () => undefined,
    giveUp: () => undefined,
    firstPauseMs: 3_600_000,
  });
  started[0]?.die();
  await new Promise((resolve) => setImmediate(resolve));
  await kept.stop();
  expect(started).toHaveLength(1);
});

test("whoever needs a server that is down is not waited for on a stop, and everybody else is", async () => {
  const { start, started } = part();
  const graces: [string, number | undefined][] = [];
  const keep = { say: () => undefined, giveUp: () => undefined, firstPauseMs: 3_600_000 };
  const postgres = await keepRunning({ ...keep, name: "Postgres", start });
  const worker = {
    name: "worker",
    stop: async (graceMs?: number) => void graces.push(["worker", graceMs]),
  };
  const sandbox = { name: "sandbox", stop: async (graceMs?: number) => void graces.push(["sandbox", graceMs]) };
  const stop = () => stopInOrder([sandbox, postgres, worker], (_name, error) => expect(error).toBeUndefined());
  await stopInOrder([sandbox, { ...postgres, stop: async () => undefined }, worker], () => undefined);
  expect(graces.splice(0)).toEqual([
    ["worker", undefined],
    ["sandbox", undefined],
  ]);
  started[0]?.die();
  await new Promise((resolve) => setImmediate(resolve));
  expect(postgres.isUp()).toBe(false);
  await stop();
  expect(graces).toEqual([
    ["worker", downGraceMs],
    ["sandbox", undefined],
  ]);
  expect(downGraceMs).toBeLessThanOrEqual(1_000);
});
