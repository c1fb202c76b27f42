import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { issueToken } from "../../core/tokens.ts";
import { projectRoot } from "../../settings/environment.ts";
import { killChild } from "../children.ts";
import { makeClaims, startReconStack, type Claim, type ReconStack } from "../recon-stack.ts";
import { startTemporalCluster, type TemporalCluster } from "../temporal-cluster/cluster.ts";
import { backupsOf, type Backups } from "../temporal-cluster/point-in-time.ts";
import { findServerBinaries } from "../temporal-cluster/server-binaries.ts";
import { countDays, startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, notRun, type Drill, type DrillSetup } from "./drill.ts";
import { checkBooks, untilJudged } from "./recon-books.ts";

const range = { from: "2025-10-20", to: "2025-12-18" };
const days = 60;
const submissions = 120;
const sales = 40;
const hourMs = 3_600_000;
const tokenSecret = "drill-token-secret-0123456789-0123456789";
const patienceMs = 300_000;
const preload = path.join(projectRoot(), "dist/bench/drills/shift-clock.js");
/** What follows the moment is an hour later to every process of ours: Postgres's own clock cannot be moved. */
const later = { nodeOptions: ["--import", preload], env: { CLOCK_SHIFT_MS: String(hourMs) } };

interface Restored {
  recon: ReconStack;
  temporal: TemporalCluster;
  backups: Backups;
}

export const restore: Drill = {
  rows: [],
  name: "restore",
  done: `Postgres, with our database and Temporal's, is put back to a moment before the last hour of a backfill, of ${submissions / 2} submissions and ${sales / 2} sales sent to AnyTrack, by a base backup and its archived log`,
  expected:
    "days are fetched again and as the vendor has them, none twice; what senders send again is taken once; each sale that AnyTrack has and the ledger lacks is named, and AnyTrack counts none twice",
  run: async (setup) => {
    if (process.platform !== "linux")
      return notRun("the nodes of its Temporal have an address each on loopback (127.0.9.x), which only Linux has");
    const binaries = await findServerBinaries(setup.say);
    if (typeof binaries === "string") return notRun(binaries);
    let temporal: TemporalCluster | undefined;
    let superuserUrl = "";
    const recon = await startReconStack(
      24,
      {
        ...{ REDTRACK_INTERVAL_MS: "600", WORKER_SHUTDOWN_GRACE_MS: "0", LOG_LEVEL: "warn" },
        ...{ API_JWT_SECRET: tokenSecret, ANYTRACK_ACCOUNT_ID: "acct", ANYTRACK_INTEGRATION: "shop" },
      },
      {
        temporal: async (of) => {
          superuserUrl = of.postgres.superuserUrl;
          return (temporal = await startTemporalCluster({ ...of, binaries }));
        },
      },
    );
    try {
      if (temporal === undefined) throw new Error("the cluster did not start");
      const backups = backupsOf({ folder: recon.stack.folder, superuserUrl });
      return await work({ recon, temporal, backups }, setup);
    } finally {
      await recon.stack.stop();
    }
  },
};

async function work(of: Restored, { say }: DrillSetup) {
  const { recon, backups } = of;
  const { stack, affiliates, playAds } = recon;
  const { claims, shared } = makeClaims(affiliates, submissions);
  await playAds(claims.map(({ ad }) => ad));
  await backups.beginArchiving();
  await stack.restartPostgres();
  const before = [await stack.startWorker(), await stack.startChild("api", "api/main.js")];
  await startBackfill(stack, "restore", range);
  await untilStored(recon, 10);
  await backups.takeBase();
  say("the base backup is taken, while days are stored");
  await Promise.all([
    submitAll(recon, claims.slice(0, submissions / 2)),
    sellAll(of, 0, sales / 2),
    untilStored(recon, 20),
  ]);
  const moment = await backups.now();

  await Promise.all(before.map(killChild));
  const during = await startLater(recon);
  await Promise.all([
    submitAll(recon, claims.slice(submissions / 2)),
    sellAll(of, sales / 2, sales),
    untilOver(stack, "restore"),
  ]);
  await untilJudged(stack.database, patienceMs);
  const had = await countRows(recon);
  await backups.closeLog();
  say(`the hour is over: ${describe(had)}`);

  await Promise.all(during.map(killChild));
  const began = performance.now();
  await restoreTo(of, moment);
  const kept = await countRows(recon);
  const downSeconds = (performance.now() - began) / 1_000;
  say(`restored: ${describe(kept)}`);
  await startLater(recon);
  await untilOver(stack, "restore");
  // Nothing but what was under way at the moment may be sent again by the system itself.
  await untilJudged(stack.database, patienceMs);
  const named = await unknownSales(of);
  const byItself = (await collected(of)).filter(({ times }) => times > 1).length;
  await startBackfill(stack, "again", range);
  await Promise.all([untilOver(stack, "again"), submitAll(recon, claims), sellAll(of, 0, sales)]);
  await untilJudged(stack.database, patienceMs);
  return judge(of, { shared, had, kept, named, byItself, downSeconds });
}

function startLater({ stack }: ReconStack) {
  return Promise.all([stack.startWorker(later), stack.startChild("api", "api/main.js", later)]);
}

/** Whoever uses Postgres is stopped first: what it remembers would be of a time that is no more. */
async function restoreTo({ recon, temporal, backups }: Restored, moment: string): Promise<void> {
  await Promise.all(temporal.nodes.map((node) => node.kill()));
  await recon.stack.restartPostgres(() => backups.putBack(moment));
  await backups.untilOpen();
  await Promise.all(temporal.nodes.map((node) => node.start()));
}

interface Rows {
  days: number;
  reports: number;
  sales: number;
}

async function countRows({ stack }: ReconStack): Promise<Rows> {
  const { rows } = await stack.database.query<Rows>(
    `select (select count(*)::int from ops.slices) as days, (select count(*)::int from recon.affiliate_reports) as reports,
            (select count(*)::int from anytrack.tracked where state = 'sent') as sales`,
  );
  return rows[0] ?? { days: 0, reports: 0, sales: 0 };
}

const describe = (rows: Rows) => `${rows.days} days, ${rows.reports} reports, ${rows.sales} sales`;

async function untilStored(recon: ReconStack, wanted: number): Promise<void> {
  for (const deadline = Date.now() + patienceMs; (await countRows(recon)).days < wanted; await wait(100))
    if (Date.now() > deadline) throw new Error(`fewer than ${wanted} days after ${patienceMs / 1_000} s`);
}

async function submitAll({ submit }: ReconStack, claims: readonly Claim[]): Promise<void> {
  for (const claim of claims) {
    for (;;) {
      const answer = await submit(claim);
      if (answer !== null && answer.status < 300) break;
      if (answer !== null && answer.status < 500) throw new Error(`a submission was answered ${answer.status}`);
      await wait(100);
    }
  }
}

/** Orders by number: one that is sent again is the same order. */
async function sellAll({ recon: { api } }: Restored, from: number, to: number): Promise<void> {
  const token = await issueToken({
    ...{ secret: tokenSecret, client: "713", role: "operator", subject: "drill", expiresInSeconds: 3 * 3_600 },
  });
  for (let order = from; order < to; order += 1) {
    const body = JSON.stringify({ orderId: `order-${order}`, clickId: `click-${order}`, revenue: "9.50" });
    for (;;) {
      const answer = await fetch(`${api}/api/v1/anytrack/track/sale`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body,
      }).catch(() => null);
      if (answer?.status === 200) break;
      if (answer !== null && answer.status >= 400 && answer.status < 500)
        throw new Error(`a sale was answered ${answer.status}: ${await answer.text()}`);
      await wait(200);
    }
  }
}

interface Collected {
  times: number;
  body: { transaction_id?: string };
}

const collected = async ({ recon }: Restored) =>
  (await recon.stack.control("GET", "/anytrack/collected")) as Collected[];

/** Sales that AnyTrack has and the ledger does not: by AnyTrack's own list of transactions. */
async function unknownSales(of: Restored): Promise<string[]> {
  const { rows } = await of.recon.stack.database.query<{ key: string }>(
    "select tracking_key as key from anytrack.tracked where state = 'sent'",
  );
  const known = new Set(rows.map(({ key }) => key));
  return (await collected(of)).map(({ body }) => body.transaction_id ?? "").filter((key) => !known.has(key));
}

async function judge(
  of: Restored,
  seen: { shared: number; had: Rows; kept: Rows; named: string[]; byItself: number; downSeconds: number },
) {
  const { stack } = of.recon;
  const { shared, had, kept, named, byItself, downSeconds } = seen;
  const found = await countDays(stack, range);
  const books = await checkBooks(stack.database, { distinct: submissions, shared });
  const told = await collected(of);
  const twice = told.filter(({ times }) => times > 1).length;
  const left = await unknownSales(of);
  const holds =
    found.lost + found.doubled + found.differences === 0 &&
    found.costStored === found.costVendor &&
    found.current === days &&
    found.firsts === found.rows &&
    books.isGood &&
    kept.days < had.days &&
    kept.reports < had.reports &&
    named.length === sales - kept.sales - byItself &&
    told.length === sales &&
    twice === named.length + byItself &&
    left.length === 0;
  return finding(
    holds,
    `the hour had made of ${describe(kept)} ${describe(had)}; back after ${downSeconds.toFixed(0)} s; then ${found.rows} rows of ${found.current} days: lost ${found.lost}, doubled ${found.doubled}, ${found.differences} differ; ${books.found["reports"]} reports of ${submissions} after their senders sent again${books.off}; ${named.length} sales named as AnyTrack's alone, ${byItself} sent again by itself; after their callers sent them again AnyTrack counts ${told.length} of ${sales}`,
  );
}
