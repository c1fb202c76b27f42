// Fills a stack of its own from the sandbox, 1 to 18 December 2025, and compares cpa_daily with an independent
// calculation: plain SQL over the sandbox's own dumps, which never went through a connector, a merge or a view of ours.
// npm run bench:cpa
import { readFile } from "node:fs/promises";
import { sources } from "../connectors/registry.ts";
import { loadFirstMapping, mappingFile } from "../scripts/mapping-file.ts";
import { mainQueue } from "../temporal.config.ts";
import { startBenchStack } from "./stack.ts";

const client = "713";
const from = "2025-12-01";
const to = "2025-12-18";
const everflow = sources.find((source) => source.name === "everflow.daily_stats");
const feeds = ["redtrack.daily_spend", ...(everflow === undefined ? [] : [everflow.name])];

const stack = await startBenchStack({
  settings: { REDTRACK_INTERVAL_MS: "0", REDTRACK_CONCURRENT: "10", EVERFLOW_INTERVAL_MS: "0", EVERFLOW_API_KEY: "sandbox-713" },
  sandbox: { SANDBOX_TODAY: to, SANDBOX_EVERFLOW_LIMITS: "none" },
});
let failed = true;
try {
  stack.env["EVERFLOW_BASE_URL"] = `${stack.sandboxUrl}/everflow`;
  await loadFirstMapping(stack.database, { client });
  await stack.startWorker();
  for (const source of feeds) {
    const input = { source, client, from, to, parallel: 4 };
    await stack.temporal.client.workflow.execute("backfill", { workflowId: `cpa-check/${source}`, taskQueue: mainQueue, args: [input] });
  }
  await loadDumps();
  const days = await compare(ours, independent);
  const ranges = await compare(oursByAffiliate, independentByAffiliate);
  const whole = await sums();
  console.log(`${feeds.join(" and ")}, ${from} to ${to}`);
  console.log(`${days.rows} affiliate days, ${days.differences.length} differ; ${ranges.rows} affiliates of the range, ${ranges.differences.length} differ`);
  console.log(`spend in cpa_daily and unmapped_spend: ${whole.ours}; in the dump: ${whole.dump}`);
  for (const difference of [...days.differences, ...ranges.differences].slice(0, 20)) console.log(difference);
  failed = days.rows === 0 || days.differences.length + ranges.differences.length > 0 || whole.ours !== whole.dump;
  console.log(failed ? "FAIL" : "ok");
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

async function loadDumps(): Promise<void> {
  const dump = async (query: string) => JSON.stringify(await stack.control("GET", `/dump?client=${client}&from=${from}&to=${to}&${query}`));
  const mapping = (await readFile(mappingFile(), "utf8")).trim().split("\n").slice(1).map((line) => line.split(","));
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
    const { rows } = await stack.database.query<{ key: string; row: string }>(`select key, row::text from (${statement}) q (key, row)`);
    return new Map(rows.map(({ key, row }) => [key, row]));
  };
  const [stored, truth] = [await read(one), await read(other)];
  const keys = [...new Set([...stored.keys(), ...truth.keys()])].sort();
  const differences = keys.filter((key) => stored.get(key) !== truth.get(key)).map((key) => `${key}: ours ${stored.get(key) ?? "absent"}, independently ${truth.get(key) ?? "absent"}`);
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

function key(...columns: string[]): string {
  return `concat_ws(' ', ${columns.join(", ")})`;
}

const ours = `
  select ${key("date", "affiliate", "affiliate_id", "currency")},
         (cost_basis, ef_conversions, ef_payout, rt_spend, final_cost, cpa, revenue, margin, roas)
    from public.cpa_daily where _client_id = '${client}' and date between '${from}' and '${to}'`;

const oursByAffiliate = `
  select ${key("affiliate", "affiliate_id", "currency")}, (ef_conversions, ef_payout, rt_spend, final_cost, revenue)
    from public.cpa_by_affiliate('${from}', '${to}', '${client}')`;

/** Both sides grouped and joined, as on paper. No view of ours is read. */
const independent = perDay(`
  select ${key("date", "name", "id", "currency")},
         (basis, conversions, round(payout, 2), round(spend, 2), round(cost, 2), case when not mixed then round(cost / nullif(conversions, 0), 2) end,
          round(revenue, 2), case when not mixed then round(revenue - cost, 2) end, case when not mixed then round(revenue / nullif(cost, 0), 2) end)
    from days`);

const independentByAffiliate = perDay(`
  select ${key("name", "id", "currency")}, (sum(conversions)::bigint, round(sum(payout), 2), round(sum(spend), 2), round(sum(cost), 2), round(sum(revenue), 2))
    from days group by name, id, currency`);

function perDay(select: string): string {
  return `
  with labels as (
    select l.label, (select case when count(distinct affiliate_id) = 1 then min(affiliate_id) end from truth.stats s where s.affiliate_name = l.label) as id,
           bool_or(l.internal) as internal
      from truth.mapping l group by l.label
  ), spent as (
    select s.date, l.label, l.id, sum(s.cost) as spend
      from truth.spend s join truth.mapping m on m.source_id = s.source_id join labels l on l.label = m.label group by 1, 2, 3
  ), earned as (
    select date, affiliate_id as id, currency, max(affiliate_name) as name, sum(conversions)::bigint as conversions, sum(payout) as payout, sum(revenue) as revenue
      from truth.stats group by 1, 2, 3
  ), joined as (
    select coalesce(e.date, s.date) as date, coalesce(e.id, s.id) as id, coalesce(e.currency, 'USD') as currency, coalesce(s.label, n.label, e.name) as name,
           e.conversions, e.payout, e.revenue, s.spend, coalesce(n.internal, i.internal, false) as internal
      from earned e
      full join spent s on s.date = e.date and s.id = e.id and e.currency = 'USD'
      left join labels n on n.id = coalesce(e.id, s.id)
      left join labels i on i.label = coalesce(s.label, e.name)
  ), mixed as (
    select date, name, id from joined where internal and (spend <> 0 or conversions <> 0 or payout <> 0 or revenue <> 0) group by 1, 2, 3 having count(distinct currency) > 1
  ), days as (
    select j.*, case when internal then 'spend' else 'payout' end as basis, case when internal then spend else payout end as cost,
           exists (select from mixed m where m.date = j.date and m.name = j.name and m.id is not distinct from j.id) as mixed
      from joined j
  ) ${select}`;
}
