// Fills a stack of its own from the sandbox, 1 to 18 December 2025, and compares cpa_daily with an independent
// calculation: plain SQL over the sandbox's own dumps, which never went through a connector, a merge or a view of ours.
// The sandbox stands still at a moment after the last day: a day under way would grow between the pull and the dump.
// npm run bench:cpa
import { readFile } from "node:fs/promises";
import { sources } from "../connectors/registry.ts";
import { loadFirstMapping, mappingFile } from "../scripts/shared/affiliate-mapping-file.ts";
import { mainQueue } from "../temporal.config.ts";
import { independent, independentByAffiliate, key } from "./cpa-truth.ts";
import { startBenchStack } from "./stack.ts";

const client = "713";
const from = "2025-12-01";
const to = "2025-12-18";
const ours = `
  select ${key("date", "affiliate", "affiliate_id", "currency")},
         (cost_basis, ef_conversions, round(ef_payout, 2), round(rt_spend, 2), round(final_cost, 2), cpa, round(revenue, 2), round(margin, 2), roas)
    from public.cpa_daily where _client_id = '${client}' and date between '${from}' and '${to}'`;

const oursByAffiliate = `
  select ${key("affiliate", "affiliate_id", "currency")}, (ef_conversions, round(ef_payout, 2), round(rt_spend, 2), round(final_cost, 2), round(revenue, 2))
    from public.cpa_by_affiliate('${from}', '${to}', '${client}')`;
const everflow = sources.find((source) => source.name === "everflow.daily_stats");
const feeds = ["redtrack.daily_spend", ...(everflow === undefined ? [] : [everflow.name])];

const stack = await startBenchStack({
  settings: {
    REDTRACK_INTERVAL_MS: "0",
    REDTRACK_CONCURRENT: "10",
    EVERFLOW_INTERVAL_MS: "0",
    EVERFLOW_API_KEY: "sandbox-713",
  },
  sandbox: { SANDBOX_NOW: "2025-12-19T03:00:00-05:00", SANDBOX_EVERFLOW_LIMITS: "none" },
});
let failed = true;
try {
  stack.env["EVERFLOW_BASE_URL"] = `${stack.sandboxUrl}/everflow`;
  await loadFirstMapping(stack.database, { client });
  await stack.startWorker();
  for (const source of feeds) {
    const input = { source, client, from, to, parallel: 4 };
    await stack.temporal.client.workflow.execute("backfill", {
      workflowId: `cpa-check/${source}`,
      taskQueue: mainQueue,
      args: [input],
    });
  }
  await loadDumps();
  const days = await compare(ours, independent);
  const ranges = await compare(oursByAffiliate, independentByAffiliate);
  const whole = await sums();
  console.log(`${feeds.join(" and ")}, ${from} to ${to}`);
  console.log(
    `${days.rows} affiliate days, ${days.differences.length} differ; ${ranges.rows} affiliates of the range, ${ranges.differences.length} differ`,
  );
  console.log(`spend in cpa_daily and unmapped_spend: ${whole.ours}; in the dump: ${whole.dump}`);
  for (const difference of [...days.differences, ...ranges.differences].slice(0, 20)) console.log(difference);
  failed = days.rows === 0 || days.differences.length + ranges.differences.length > 0 || whole.ours !== whole.dump;
  console.log(failed ? "FAIL" : "ok");
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

async function loadDumps(): Promise<void> {
  const dump = async (query: string) =>
    JSON.stringify(await stack.control("GET", `/dump?client=${client}&from=${from}&to=${to}&${query}`));
  const mapping = (await readFile(mappingFile(), "utf8"))
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));
  await stack.database.query("create schema truth");
  await stack.database.query(
    "create table truth.spend as select date, source_id, cost::numeric from json_to_recordset($1) as d(date date, source_id text, cost text) where source_id <> ''",
    [await dump("vendor=redtrack")],
  );
  await stack.database.query(
    `create table truth.stats as select date, affiliate_id, affiliate_name, currency, conversions, payout::numeric, revenue::numeric
       from json_to_recordset($1) as d(date date, affiliate_id text, affiliate_name text, currency text, conversions bigint, payout text, revenue text)`,
    [everflow === undefined ? "[]" : await dump("vendor=everflow&table=daily_stats")],
  );
  await stack.database.query(
    "create table truth.mapping as select nullif(source_id, '') as source_id, label, internal::boolean from json_to_recordset($1) as d(source_id text, label text, internal text)",
    [JSON.stringify(mapping.map(([source_id, , , label, internal]) => ({ source_id, label, internal })))],
  );
}

interface Compared {
  rows: number;
  differences: string[];
}

/** Rows as text: a decimal that differs in one place differs. */
async function compare(one: string, other: string): Promise<Compared> {
  const read = async (statement: string) => {
    const { rows } = await stack.database.query<{ key: string; row: string }>(
      `select key, row::text from (${statement}) q (key, row)`,
    );
    return new Map(rows.map(({ key, row }) => [key, row]));
  };
  const [stored, truth] = [await read(one), await read(other)];
  const keys = [...new Set([...stored.keys(), ...truth.keys()])].sort();
  const differences = keys
    .filter((key) => stored.get(key) !== truth.get(key))
    .map((key) => `${key}: ours ${stored.get(key) ?? "absent"}, independently ${truth.get(key) ?? "absent"}`);
  return { rows: keys.length, differences };
}

async function sums(): Promise<{ ours: string; dump: string }> {
  const { rows } = await stack.database.query<{ ours: string; dump: string }>(
    `select ((select coalesce(sum(rt_spend), 0) from public.cpa_figures where _client_id = '${client}') +
             (select coalesce(sum(r.cost), 0) from redtrack.daily_spend r join public.unmapped_spend u using (_client_id, date, source_id) where _client_id = '${client}'))::numeric(18, 6)::text as ours,
            (select sum(cost) from truth.spend)::numeric(18, 6)::text as dump`,
  );
  return rows[0] ?? { ours: "", dump: "none" };
}
