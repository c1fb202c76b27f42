// 200,000 Everflow conversions of one day, 100 pages of 2,000, from a sandbox without limits into Postgres: the pipeline
// beside the simplest script that fetches a page and inserts it with ON CONFLICT, into a table of the same shape. First
// load, and the same again with nothing changed. Both are given the same bytes, made up before the clock starts. What the
// worker's memory use is shown for a tenth of the pages, too.
// npm run bench:conversions -- [--rounds 3] [--pages 100]
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { settingName } from "../core/setting-name.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { mainQueue } from "../temporal.config.ts";
import { everflowConversions as source } from "../connectors/sources/everflow.ts";
import { startBenchStack } from "./stack.ts";
import { memoryMbOf } from "./process-memory.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, pages: { type: "string", default: "100" } },
  allowPositionals: true,
});
const pages = Number(values.pages);
const client = `bulk-${pages}`;
const smallClient = `bulk-${Math.ceil(pages / 10)}`;
const day = "2025-12-17";
const perPage = 2_000;
const conversions = pages * perPage;
/** As many rows as the parameters of one statement hold. */
const perInsert = 1_000;

const [keeperPort = 0] = await freePorts(1);
const stack = await startBenchStack({
  settings: {
    CLIENTS: `${client},${smallClient}`,
    EVERFLOW_API_KEY: `sandbox-${client}`,
    [settingName("EVERFLOW_API_KEY", smallClient)]: `sandbox-${smallClient}`,
    EVERFLOW_INTERVAL_MS: "0",
    PAGE_KEEPER_PORT: String(keeperPort),
    LOG_LEVEL: "error",
  },
  sandbox: { SANDBOX_NOW: "2025-12-19T03:00:00-05:00", SANDBOX_EVERFLOW_LIMITS: "none" },
});
const baseUrl = `http://127.0.0.1:${keeperPort}/everflow`;
stack.env["EVERFLOW_BASE_URL"] = baseUrl;
try {
  await stack.startChild("pages", "bench/page-keeper.js");
  const worker = await stack.startWorker();
  await stack.database.query("create table public.script_conversions (like everflow.conversions including all)");
  const made = await timed(makePages);
  console.log(`${conversions} conversions in ${pages} pages, made up in ${made.toFixed(1)} s`);
  const idle = Math.round(await memoryMbOf(worker.pid));
  const small = await peak(worker.pid, () => backfill("small", smallClient));
  const rounds: Record<"first" | "again" | "scriptFirst" | "scriptAgain", number>[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    await stack.database.query(
      "truncate public.script_conversions, everflow.conversions, ops.slices, ops.receipts, ops.restatements, ops.runs",
    );
    const theirs = async () => [await timed(script), await timed(script)];
    let most = 0;
    const ours = async (name: string) => {
      most = Math.max(most, await peak(worker.pid, () => backfill(`${name} ${round}`, client)));
    };
    const oursTwice = async () => [await timed(() => ours("first")), await timed(() => ours("again"))];
    // Whoever comes second finds warm caches: they take turns.
    const [[scriptFirst = 0, scriptAgain = 0], [first = 0, again = 0]] =
      round % 2 === 1
        ? [await theirs(), await oursTwice()]
        : await oursTwice().then(async (mine) => [await theirs(), mine] as const);
    rounds.push({ first, again, scriptFirst, scriptAgain });
    await check();
    console.log(
      `round ${round}: first load ${first.toFixed(1)} s, script ${scriptFirst.toFixed(1)} s (${(scriptFirst / first).toFixed(2)} times as fast); unchanged again ${again.toFixed(1)} s, script ${scriptAgain.toFixed(1)} s (${(scriptAgain / again).toFixed(2)} times); worker ${idle} MB idle, at most ${small} MB with a tenth of the pages and ${most} MB with all`,
    );
  }
  const median = (pick: (round: (typeof rounds)[number]) => number) =>
    rounds.map(pick).sort((one, other) => one - other)[rounds.length >> 1] ?? 0;
  console.log(
    `\nmedian: first load ${median((round) => round.scriptFirst / round.first).toFixed(2)} times as fast as the script, unchanged again ${median((round) => round.scriptAgain / round.again).toFixed(2)} times`,
  );
} finally {
  await stack.stop();
}
process.exit(0);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

async function makePages(): Promise<void> {
  for (let number = 1; (await page(number)).length === perPage; number += 1);
}

async function backfill(workflowId: string, of: string): Promise<void> {
  await stack.temporal.client.workflow.execute("backfill", {
    workflowId,
    taskQueue: mainQueue,
    args: [{ source: source.name, client: of, from: day, to: day }],
  });
}

/** The table is the vendor's day on both sides, and our repeat says that it changed nothing. */
async function check(): Promise<void> {
  const { rows } = await stack.database.query<{ ours: string; script: string; receipts: string }>(
    `select (select count(*) || ' ' || sum(payout) from everflow.conversions) as ours,
            (select count(*) || ' ' || sum(payout) from public.script_conversions) as script,
            (select string_agg(inserted || '/' || updated || '/' || unchanged, ', ' order by receipt_id) from ops.receipts) as receipts`,
  );
  const [found] = rows;
  const stored = Number(found?.ours.split(" ")[0]);
  if (found === undefined || found.ours !== found.script || stored < conversions)
    throw new Error(`the tables differ: ${JSON.stringify(found)}`);
  if (found.receipts !== `${stored}/0/0, 0/0/${stored}`) throw new Error(`receipts: ${found.receipts}`);
}

type Json = Record<string, unknown>;

async function page(number: number): Promise<Json[]> {
  const response = await fetch(`${baseUrl}/networks/reporting/conversions?page=${number}&page_size=${perPage}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-eflow-api-key": `sandbox-${client}` },
    body: JSON.stringify({ from: `${day} 00:00:00`, to: `${day} 23:59:59`, timezone_id: 80 }),
  });
  return ((await response.json()) as { conversions: Json[] }).conversions;
}

/** The simplest script, written in ten minutes: no totals, no ledger, floats for money, half a day when it is stopped half way. */
async function script(): Promise<void> {
  for (let number = 1; ; number += 1) {
    const rows = await page(number);
    for (let from = 0; from < rows.length; from += perInsert) await insert(rows.slice(from, from + perInsert));
    if (rows.length < perPage) return;
  }
}

async function insert(rows: Json[]): Promise<void> {
  const records = rows.map((row) => {
    const { offer, affiliate, advertiser } = row["relationship"] as Record<string, Json>;
    return {
      _client_id: client,
      conversion_id: row["conversion_id"],
      date: day,
      converted_at: new Date(Number(row["conversion_unix_timestamp"]) * 1_000),
      clicked_at: new Date(Number(row["click_unix_timestamp"]) * 1_000),
      status: row["status"],
      is_event: row["is_event"],
      event: row["event"],
      affiliate_id: affiliate?.["network_affiliate_id"],
      affiliate_name: affiliate?.["name"],
      advertiser_id: advertiser?.["network_advertiser_id"],
      advertiser_name: advertiser?.["name"],
      offer_id: offer?.["network_offer_id"],
      offer_name: offer?.["name"],
      currency: row["currency_id"],
      payout: row["payout"],
      revenue: row["revenue"],
      sale_amount: row["sale_amount"],
      payout_type: row["payout_type"],
      revenue_type: row["revenue_type"],
      transaction_id: row["transaction_id"],
      order_id: row["order_id"],
      coupon_code: row["coupon_code"],
      source_id: row["source_id"],
      sub1: row["sub1"],
      sub2: row["sub2"],
      sub3: row["sub3"],
      sub4: row["sub4"],
      sub5: row["sub5"],
      country: row["country"],
      is_scrub: row["is_scrub"],
      is_view_through: row["is_view_through"],
      error_code: row["error_code"],
      _slice: day,
      _run_id: "script",
    };
  });
  const [first] = records;
  if (first === undefined) return;
  const columns = Object.keys(first);
  const values = records.flatMap((record) => Object.values(record));
  const places = records.map(
    (_, index) => `(${columns.map((_name, place) => `$${index * columns.length + place + 1}`).join(", ")})`,
  );
  await stack.database.query(
    `insert into public.script_conversions (${columns.join(", ")}) values ${places.join(", ")}
     on conflict (_client_id, conversion_id) do update set ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}`,
    values,
  );
}

/** The most memory a process takes while something is done, in MB. */
async function peak(pid: number | undefined, work: () => Promise<unknown>): Promise<number> {
  // Resets the peak.
  await writeFile(`/proc/${pid}/clear_refs`, "5");
  await work();
  return Math.round(await memoryMbOf(pid, "VmHWM"));
}
