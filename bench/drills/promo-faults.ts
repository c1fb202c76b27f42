import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { toSpoolLine } from "../../rules/promo/spool-line.ts";
import { killChild } from "../children.ts";
import { finding, type Drill, type Finding } from "./drill.ts";
import { readCounts, startPromoStack, type PromoStack } from "./promo-stack.ts";

const run = promisify(execFile);
const slowMs = 5_000;
const redirects = 500;
const tracked = 100;
const diskKilobytes = 64;

export const promoFaults: Drill = {
  rows: [6],
  name: "promo-faults",
  done: `Postgres that takes ${slowMs / 1_000} s for each statement; a disk of ${diskKilobytes} kB for the spool while Postgres is away; a spool file cut in the middle of a line`,
  expected:
    "tracking answers within a second and says what is recorded; redirects take under 50 ms at the 99th percentile; what was recorded is counted once, and nothing else",
  run: async ({ say }) => {
    const stack = await startPromoStack(20);
    let disk = false;
    try {
      const slow = await whileSlow(stack);
      say(slow.seen);
      disk = await mountSmall(stack.spool);
      say(disk ? "the spool has a small disk" : "no disk could be mounted: the spool has a limit instead");
      const full = await whileFull(stack, disk);
      say(full.seen);
      return finding(
        [slow, full].every(({ state }) => state === "held"),
        `${slow.seen}; ${full.seen}`,
      );
    } finally {
      await stack.stop().catch(() => undefined);
      if (disk) await run("umount", ["-l", stack.spool]).catch(() => undefined);
    }
  },
};

/** The spool on a disk that really fills up, where this machine lets us. */
const mountSmall = (folder: string) =>
  run("mount", ["-t", "tmpfs", "-o", `size=${diskKilobytes}k,mode=0700`, "tmpfs", folder]).then(
    () => true,
    () => false,
  );

async function whileSlow(stack: PromoStack): Promise<Finding> {
  const proxy = await startSlowProxy(stack.postgresPort);
  const slowUrl = Object.assign(new URL(stack.url), { port: String(proxy.port) }).href;
  const database = stack.connect();
  const api = await stack.startApi({ DATABASE_URL: slowUrl });
  try {
    // Once while it is quick: the offers are known then.
    await stack.follow("one", 11);
    proxy.slowDown(slowMs);
    const took: number[] = [];
    for (let turn = 0; turn < redirects; turn++) {
      const { status, ms } = await stack.follow("one", 11);
      if (status !== 307) throw new Error(`a redirect answered ${status}`);
      took.push(ms);
    }
    const answers = await Promise.all(
      Array.from({ length: tracked }, (_, turn) =>
        stack.post("track-click", { variation_id: 21, event_id: `slow-${turn}` }),
      ),
    );
    const slowest = Math.max(...answers.map((answer) => answer?.ms ?? Infinity));
    const isSaid = answers.every((answer) => answer?.status === 204 || answer?.body.recorded === true);
    proxy.slowDown(0);
    await stack.untilCounted();
    const { rows } = await database.query<{ count: number }>(
      "select count(*) from promo.promo_click_tracking where event_id like 'slow-%'",
    );
    const counts = await readCounts(database);
    const p99 = took.sort((one, other) => one - other)[Math.floor(0.99 * took.length)] ?? Infinity;
    const counted = rows[0]?.count ?? 0;
    return finding(
      p99 < 50 && slowest < 1_000 && isSaid && counted === tracked && counts.isOne,
      `slow: redirects p99 ${p99.toFixed(1)} ms, tracking answered after ${slowest.toFixed(0)} ms at most, ${counted} of ${tracked} counted`,
    );
  } finally {
    await killChild(api);
    proxy.close();
    await database.end();
  }
}

async function whileFull(stack: PromoStack, disk: boolean): Promise<Finding> {
  let api = await stack.startApi(disk ? {} : { PROMO_SPOOL_LIMIT_BYTES: String(diskKilobytes * 1_024) });
  const recorded = new Set<string>();
  const refused = new Set<string>();
  let slowest = 0;
  await stack.withoutPostgres(async () => {
    // Left by a process that ended in the middle of a line: nobody was told that this one is recorded.
    const whole = {
      kind: "impression",
      event_id: "full-cut",
      offer_id: 1,
      variation_id: 12,
      send_id: null,
      recipients: null,
    };
    const line = toSpoolLine({ ...whole, kind: "impression", at: new Date().toISOString() });
    await writeFile(
      path.join(stack.spool, "cut.000001.spool"),
      line + line.replace("full-cut", "half-cut").slice(0, 90),
    );
    recorded.add("full-cut");
    for (let turn = 0; turn < 600; turn++) {
      const id = `full-${turn}`;
      const answer = await stack.post("track-impression", { offer_id: 1, variation_id: 12, event_id: id });
      (answer?.status === 503 && answer.body.recorded === true ? recorded : refused).add(id);
      slowest = Math.max(slowest, answer?.ms ?? Infinity);
    }
    await killChild(api);
    api = await stack.startApi();
  });
  const database = stack.connect();
  try {
    await stack.untilCounted();
    await wait(500);
    const { rows } = await database.query<{ id: string }>(
      "select event_id as id from promo.promo_impression_tracking where event_id like 'full-%' or event_id like 'half%'",
    );
    const counted = new Set(rows.map(({ id }) => id));
    const lost = [...recorded].filter((id) => !counted.has(id)).length;
    const more = [...counted].filter((id) => !recorded.has(id)).length;
    const counts = await readCounts(database);
    return finding(
      recorded.size > 0 && refused.size > 0 && lost === 0 && more === 0 && slowest < 1_000 && counts.isOne,
      `full disk: ${recorded.size} recorded, ${refused.size} refused, answered after ${slowest.toFixed(0)} ms at most; lost ${lost}, counted though refused ${more}`,
    );
  } finally {
    await killChild(api);
    await database.end();
  }
}

/** Passes everything on, and holds back what Postgres answers. */
async function startSlowProxy(
  target: number,
): Promise<{ port: number; slowDown: (ms: number) => void; close: () => void }> {
  const open = new Set<net.Socket>();
  let delayMs = 0;
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
    client.on("data", (chunk) => upstream.write(chunk));
    upstream.on("data", (chunk) => void setTimeout(() => client.write(chunk), delayMs));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    slowDown: (ms) => (delayMs = ms),
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
