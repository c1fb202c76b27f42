import net from "node:net";
import { addDays } from "../../core/days.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { countDays, startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, type Drill } from "./drill.ts";

const from = "2025-11-01";
const days = 12;
const to = addDays(from, days - 1);
const commit = Buffer.from("commit\0");
/** Its text comes once for each connection, then only what the prepared statement is called. */
const receipt = /([0-9a-f]{32})\0[^\0]*insert into ops\.receipts/;
const committed = Buffer.from("COMMIT\0");

/** Where the connection breaks: before Postgres hears of the commit, or after it has done it and before we hear of that. */
type Cut = "before" | "after";

export const commitCut: Drill = {
  rows: [5],
  name: "commit-cut",
  done: "the connection to Postgres cut at the commit of a slice, by turns before it arrives and after it is done",
  expected: "done: known by its receipt, not pulled again; not done: pulled once more; no row twice",
  isShort: true,
  run: async () => {
    const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: "0" } });
    const cuts: Cut[] = [];
    const proxy = await startProxy(Number(new URL(stack.env["DATABASE_URL"] ?? "").port), cuts);
    try {
      stack.env["DATABASE_URL"] = Object.assign(new URL(stack.env["DATABASE_URL"] ?? ""), { port: proxy.port }).href;
      await stack.startWorker();
      await startBackfill(stack, "drill", { from, to }, 1);
      await untilOver(stack, "drill");
      return await judge(stack, cuts);
    } finally {
      proxy.close();
      await stack.stop();
    }
  },
};

async function judge(stack: BenchStack, cuts: Cut[]) {
  const found = await countDays(stack, { from, to });
  const { rows } = await stack.database.query<{ receipts: number; again: number }>(
    "select count(*) as receipts, count(*) filter (where attempt > 1) as again from ops.receipts",
  );
  const { receipts = 0, again = 0 } = rows[0] ?? {};
  const { entries } = (await stack.control("GET", "/log?vendor=redtrack")) as { entries: { path: string }[] };
  const pulls = entries.filter(({ path }) => path.endsWith("/report")).length;
  const before = cuts.filter((cut) => cut === "before").length;
  const after = cuts.length - before;
  return finding(
    before > 0 &&
      after > 0 &&
      receipts === days &&
      again === before &&
      pulls === days + before &&
      found.differences + found.doubled === 0 &&
      found.firsts === found.rows,
    `${after} cut after the commit, ${before} before it; ${days} days: ${receipts} receipts, ${again} at a second attempt, ${pulls} pulls; lost ${found.lost}, doubled ${found.doubled}, ${found.differences} differ`,
  );
}

/** Passes everything on, and cuts every third transaction that writes a receipt. */
async function startProxy(target: number, cuts: Cut[]): Promise<{ port: string; close: () => void }> {
  const open = new Set<net.Socket>();
  let receipts = 0;
  let called: string | undefined;
  const server = net.createServer((client) => {
    const upstream = net.connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket
        .on("error", () => undefined)
        .on("close", () => {
          client.destroy();
          upstream.destroy();
          open.delete(socket);
        });
    }
    let wroteReceipt = false;
    let cutting: Cut | null = null;
    client.on("data", (chunk) => {
      called ??= receipt.exec(chunk.toString("latin1"))?.[1];
      if (called !== undefined && chunk.includes(`${called}\0`)) wroteReceipt = true;
      if (wroteReceipt && chunk.includes(commit)) {
        wroteReceipt = false;
        receipts += 1;
        if (receipts % 3 === 0) cuts.push((cutting = cuts.length % 2 === 0 ? "after" : "before"));
      }
      if (cutting === "before") client.destroy();
      else upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      // Postgres has said that it committed: it stays unsaid.
      if (cutting === "after" && chunk.includes(committed)) client.destroy();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: String((server.address() as net.AddressInfo).port),
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
