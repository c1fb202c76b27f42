import type { ChildProcess } from "node:child_process";
import net from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { killChild } from "../children.ts";
import { compareWithSandbox } from "../compare-with-sandbox.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const day = "2025-12-01";
const otherDay = "2025-12-02";
const begin = Buffer.from("begin\0");

export const frozenWorker: Drill = {
  rows: [2],
  name: "frozen-worker",
  done: "a worker stopped with SIGSTOP when it has its answer and begins to store it; the vendor restates the day, a second worker stores it; the first goes on",
  expected: "the second attempt's amounts stay; the first changes nothing",
  run: async ({ say }) => {
    const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: "0", REDTRACK_CONCURRENT: "5" } });
    const gate = await startGate(stack);
    try {
      return await freezeAndThaw(stack, gate, say);
    } finally {
      gate.close();
      await stack.stop();
    }
  },
};

async function freezeAndThaw(stack: BenchStack, gate: Gate, say: DrillSetup["say"]) {
  const first: ChildProcess = await stack.startWorker({ env: { DATABASE_URL: gate.url } });
  await startBackfill(stack, "drill", { from: day, to: day });
  await gate.reached;
  first.kill("SIGSTOP");
  say("the first worker is stopped");
  const restate = {
    vendor: "redtrack",
    kind: "restate",
    sourceId: await anySource(stack),
    add: "100.00",
    match: { day },
  };
  await stack.control("POST", "/faults", restate);
  const second = await stack.startWorker();
  await untilOver(stack, "drill");
  const before = await stateOf(stack);
  say("the second has committed; the first goes on");
  gate.open();
  first.kill("SIGCONT");
  await killChild(second);
  // Only the first is left: when it has pulled another day, it is long past the old one.
  await startBackfill(stack, "after", { from: otherDay, to: otherDay });
  await untilOver(stack, "after");
  const after = await stateOf(stack);
  return finding(
    before.cost === after.cost && after.zombies + after.changed + after.differences === 0 && after.attempt > 1,
    `stored by attempt ${before.attempt}, ${after.zombies} receipts of the first, ${after.changed} rows changed again; ${after.rows} rows, ${after.differences} differ from the vendor's, cost ${before.cost} before and ${after.cost} after`,
  );
}

interface Gate {
  url: string;
  /** A transaction has come that would store the day's answer; it waits here. */
  reached: Promise<void>;
  open: () => void;
  close: () => void;
}

/** Passes everything on to Postgres, but for the first transaction after the vendor has answered. */
async function startGate(stack: BenchStack): Promise<Gate> {
  const target = new URL(stack.env["DATABASE_URL"] ?? "");
  const sockets = new Set<net.Socket>();
  let isReached: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (isReached = resolve));
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let taken = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      const end = () => void [client.destroy(), upstream.destroy(), sockets.delete(socket)];
      socket.on("error", end).on("close", end);
    }
    upstream.pipe(client);
    let order = Promise.resolve();
    client.on("data", (chunk) => {
      order = order.then(async () => {
        if (!taken && chunk.includes(begin) && (await isAnswered(stack))) {
          taken = true;
          isReached();
          await opened;
        }
        upstream.write(chunk);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = String((server.address() as net.AddressInfo).port);
  return {
    url: Object.assign(new URL(target), { port }).href,
    reached,
    open,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function isAnswered(stack: BenchStack): Promise<boolean> {
  const { entries } = (await stack.control("GET", "/log?vendor=redtrack")) as {
    entries: { path: string; status: number | null }[];
  };
  return entries.some(({ path, status }) => path.endsWith("/report") && status === 200);
}

async function anySource(stack: BenchStack): Promise<string> {
  const rows = (await stack.control("GET", `/dump?vendor=redtrack&client=713&from=${day}&to=${day}`)) as {
    source_id: string;
  }[];
  return rows.find(({ source_id }) => source_id !== "")?.source_id ?? "";
}

async function stateOf(stack: BenchStack) {
  for (;;) {
    const { rowCount } = await stack.database.query(
      "select from pg_stat_activity where application_name = 'signal-room worker' and xact_start is not null",
    );
    if (rowCount === 0) break;
    await wait(50);
  }
  const { rows, differences, costStored } = await compareWithSandbox(stack, day, day);
  const { rows: ledger } = await stack.database.query<{ attempt: number; zombies: number; changed: number }>(
    `select max(attempt) as attempt, count(*) filter (where attempt = 1) as zombies,
            (select count(*) from ops.restatements where slice = $1 and kind = 'changed') as changed
       from ops.receipts where slice = $1`,
    [day],
  );
  const { attempt = 0, zombies = 0, changed = 0 } = ledger[0] ?? {};
  return { rows, differences: differences.length, cost: costStored, attempt, zombies, changed };
}
