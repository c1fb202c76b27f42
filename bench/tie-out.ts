// The tie-out over a million conversions of Everflow and as good as a million of AnyTrack in a year of days, as callers see it:
// a real API on a real Postgres, over HTTP. Before it, how long comparing all of them takes, and a day on which some changed.
// npm run bench:tie-out -- [conversions] [requests of each]
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { compareConversions } from "../activities/findings/compare-conversions.ts";
import { addDays } from "../core/days.ts";
import { createRedactor } from "../core/redact.ts";
import type { Database } from "../schema/database.ts";
import { loadConfig } from "../settings/config.ts";
import { measureRoutes, startApiBench } from "./api-bench.ts";

const [conversions = 1_000_000, requests = 21] = process.argv.slice(2).map(Number);
const client = "713";
const affiliates = 60;
const aimMs = 200;
const first = "2025-01-01";
const days = 365;
const last = addDays(first, days - 1);

const bench = await startApiBench("tie-out", client);
const { database } = bench;
let isSlow = true;
try {
  await fill(database);
  await compare("all days");
  await database.query("vacuum analyze");
  await database.query("update anytrack.conversions set revenue = revenue + 1 where date = $1 and order_id like '%7'", [
    last,
  ]);
  await compare("a day of which some changed");
  const get = await bench.startApi({});
  const v1 = "/api/v1/tie-out";
  const ranges = [
    ["30 days", `from=${addDays(last, -29)}&to=${last}`],
    ["90 days", `from=${addDays(last, -89)}&to=${last}`],
    ["a year", `from=${first}&to=${last}`],
  ] as const;
  const answers = [
    ["by day and affiliate", "/days?limit=100&"],
    ["what they come to", "/days/totals?"],
    ["one by one", "?limit=100&"],
    ["one by one, the most at stake", "?limit=100&sort=-atStake&"],
    ["missing in AnyTrack", "?limit=100&difference=missing_in_anytrack&"],
    ["how many, and how much", "/totals?"],
  ] as const;
  isSlow = await measureRoutes(
    ranges.flatMap(([range, asked]) =>
      answers.map(([name, path]) => [`${range}: ${name}`, () => get(`${v1}${path}${asked}`)] as const),
    ),
    { requests, aimMs },
  );
} finally {
  await bench.stop();
}
process.exit(isSlow ? 1 : 0);

async function compare(what: string): Promise<void> {
  const config = loadConfig({ DATABASE_URL: "postgres://bench", CLIENTS: client }, [], []);
  const inside = new MockActivityEnvironment(
    { workflowExecution: { workflowId: "bench", runId: what } },
    { logger: new DefaultLogger("ERROR") },
  );
  const began = performance.now();
  const summary = await inside.run(
    (input: { input: unknown }) => compareConversions({ database, config, redact: createRedactor([]) }, input),
    { input: { client } },
  );
  console.log(`${what}: ${JSON.stringify(summary)} in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}

/** Of each hundred conversions AnyTrack misses two, has one with another amount and one that Everflow refused. A fifth meets by click. */
async function fill(to: Database): Promise<void> {
  const began = performance.now();
  await to.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final, origin)
     select $1, s, d::date::text, d::date, 'America/New_York', true, 'real'
       from generate_series($2::date, $3::date, interval '1 day') d, unnest(array['everflow.conversions', 'redtrack.daily_spend']) s`,
    [client, first, last],
  );
  await to.query(
    `insert into public.affiliate_mapping (_client_id, redtrack_source_id, redtrack_source_name, everflow_affiliate_id, everflow_affiliate_label, is_internal, _loaded_by)
     select $1, 's' || n, 'Source ' || n, (1000 + n % $2)::text, 'Affiliate ' || n % $2, true, 'bench' from generate_series(1, 2 * $2::int) n`,
    [client, affiliates],
  );
  await to.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     select $1, d::date, (1000 + n)::text, 'Affiliate ' || n, 'a', 'o', 'USD', 9, 1, 1, 1, 1, 0, d::date::text, 'r' from generate_series($2::date, $3::date, interval '1 day') d, generate_series(0, $4::int - 1) n`,
    [client, first, last, affiliates],
  );
  await to.query(
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
     select $1, d::date, 's' || n, 'Source ' || n, 100, n % 40, 50, d::date::text, 'r' from generate_series($2::date, $3::date, interval '1 day') d, generate_series(1, 200) n`,
    [client, first, last],
  );
  const made = `generate_series(1, $2::int) n cross join lateral (select $3::date + (n::bigint * $4::int / ($2::int + 1))::int as day) d`;
  await to.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, offer_id, currency, payout, revenue, transaction_id, order_id, sub1, _slice, _run_id)
     select $1, md5(n::text), d.day, d.day + interval '12 hours' + n % 30000 * interval '1 second', case when n % 100 = 7 then 'rejected' else 'approved' end, false, (1000 + n % $5)::text, 'Affiliate ' || n % $5, (n % 9)::text, 'USD',
            5 + n % 40, 20 + n % 80, 'tx' || n, case when n % 5 > 0 then 'order-' || n end, 'creative-' || n % 50, d.day::text, 'r' from ${made}`,
    [client, conversions, first, days, affiliates],
  );
  await to.query(
    `insert into anytrack.conversions (_client_id, conversion_key, type, order_id, click_id, revenue, currency, source, affiliate_id, event_time, version, date, seen_by_webhook_at, _run_id, origin)
     select $1, case when n % 5 > 0 then 'order:order-' || n else 'event:' || md5(n::text) end, 'SALE', case when n % 5 > 0 then 'order-' || n end, 'tx' || n, 20 + n % 80 + case when n % 100 = 9 then 1 else 0 end, 'USD', 'facebook', (1000 + n % $5)::text,
            d.day + interval '12 hours' + n % 30000 * interval '1 second', now(), d.day, now(), 'r', 'real' from ${made} where n % 100 not in (3, 5)`,
    [client, conversions, first, days, affiliates],
  );
  await to.query("analyze");
  console.log(`${conversions} conversions of ${days} days in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
}
