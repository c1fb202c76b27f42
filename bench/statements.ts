// Payout statements over a million conversions and a year of days, as callers see them: a real API on a real Postgres,
// over HTTP. Eleven months are closed, one after the other, with restatements before each; the twelfth is a draft.
// npm run bench:statements -- [conversions] [requests of each]
import { generateKeyPairSync } from "node:crypto";
import { addDays } from "../core/days.ts";
import { readSigningKey } from "../core/signing.ts";
import { nextMonth } from "../rules/payouts/months.ts";
import { closeMonth } from "../queries/payouts/close-month.ts";
import { inTransaction, type Database } from "../schema/database.ts";
import { measureRoutes, startApiBench } from "./api-bench.ts";

const [conversions = 1_000_000, requests = 21] = process.argv.slice(2).map(Number);
const client = "713";
const affiliates = 60;
const aimMs = 200;
const first = "2025-01-01";
const days = 365;

const secret = generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
const key = readSigningKey(secret);
if (key === null) throw new Error("no key");

const bench = await startApiBench("statements", client);
const { database } = bench;
let isSlow = true;
try {
  await fill(database);
  let month = "2025-01";
  const closings: number[] = [];
  for (; month < "2025-12"; month = nextMonth(month)) {
    await restate(database, month);
    const began = performance.now();
    const closing = {
      client,
      month,
      by: { actor: "bench", role: null },
      key,
      reason: null,
      startHere: false,
      now: new Date("2026-06-01T12:00:00Z"),
    };
    await inTransaction(database, (session) => closeMonth(session, closing));
    closings.push(performance.now() - began);
  }
  await restate(database, "2025-12");
  await database.query("vacuum analyze");
  console.log(`closing a month took ${closings.map((ms) => (ms / 1_000).toFixed(1)).join(", ")} s`);
  const get = await bench.startApi({ STATEMENT_SIGNING_KEY: secret });
  const { rows: found } = await database.query<{ id: number }>(
    "select statement_id as id from payouts.statements where affiliate_id = '1007' order by month desc limit 1",
  );
  const id = found[0]?.id ?? 0;
  const v1 = "/api/v1/payouts";
  const routes = [
    ["months", `${v1}/months`],
    ["drafts of the open month, all affiliates", `${v1}/statements?month=2025-12`],
    ["a closed month, all affiliates", `${v1}/statements?month=2025-11`],
    ["all statements of an affiliate", `${v1}/statements?affiliateId=1007`],
    ["a draft", `${v1}/drafts/2025-12/1007`],
    ["its lines", `${v1}/drafts/2025-12/1007/lines?limit=50`],
    ["its corrections", `${v1}/drafts/2025-12/1007/lines?limit=50&kind=correction`],
    ["a closed statement", `${v1}/statements/${id}`],
    ["its lines", `${v1}/statements/${id}/lines?limit=50`],
    ["what it held", `${v1}/statements/${id}/lines?limit=50&held=true`],
    ["it as CSV, whole", `${v1}/statements/${id}/statement.csv`],
  ] as const;
  isSlow = await measureRoutes(
    routes.map(([name, path]) => [name, () => get(path)] as const),
    { requests, aimMs },
  );
} finally {
  await bench.stop();
}
process.exit(isSlow ? 1 : 0);

/** As pulls leave it: conversions, final days, and the first entry of each in the ledger. */
async function fill(database: Database): Promise<void> {
  const began = performance.now();
  await database.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, receipt_id, is_final, rows, origin)
     select $1, 'everflow.conversions', d::date::text, d::date, 'America/New_York', row_number() over (), true, $4, 'real'
       from generate_series($2::date, $3::date, interval '1 day') d`,
    [client, first, addDays(first, days - 1), Math.round(conversions / days)],
  );
  await database.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, offer_id, offer_name, currency, payout, revenue, transaction_id, order_id, sub1, _slice, _run_id)
     select $1, md5(n::text), d, d + interval '9 hours', (array['approved','approved','approved','approved','approved','approved','approved','approved','pending','rejected'])[1 + (n * 7 % 10)],
            false, (1000 + n % $4)::text, 'Affiliate ' || n % $4, (n % 9)::text, 'Offer ' || n % 9, case when n % 11 = 0 then 'EUR' else 'USD' end, 5 + n % 40, 20 + n % 80, 'tx' || n, 'order-' || n, 'creative-' || n % 50, d::text, 'r'
       from generate_series(1, $2::int) n cross join lateral (select ($3::date + (n::bigint * $5::int / $2::int)::int) as d) x
      where d < $3::date + $5::int`,
    [client, conversions, first, affiliates, days],
  );
  await database.query(
    `insert into ops.restatements (_client_id, source, slice, row_key, kind, new, fetch_seq, run_id)
     select _client_id, 'everflow.conversions', _slice, jsonb_build_object('conversion_id', conversion_id), 'first', jsonb_build_object('payout', payout, 'revenue', revenue), 1, 'r'
       from everflow.conversions where _client_id = $1 order by date`,
    [client],
  );
  await database.query("vacuum analyze everflow.conversions, ops.restatements, ops.slices");
  console.log(
    `${conversions} conversions of ${days} days and ${affiliates} affiliates in ${((performance.now() - began) / 1_000).toFixed(0)} s`,
  );
}

/** Of the month before, pending conversions are decided on and some approved ones are taken back. */
async function restate(database: Database, month: string): Promise<void> {
  await database.query(
    `with changed as (
       update everflow.conversions c set status = case when c.status = 'pending' then 'approved' else 'rejected' end
         from everflow.conversions o
        where o._client_id = c._client_id and o.conversion_id = c.conversion_id and c._client_id = $1 and c.date >= $2::date - interval '1 month' and c.date < $2::date
          and (c.status = 'pending' and c.conversion_id > '2' or c.status = 'approved' and c.conversion_id < '03')
       returning c.*, o.status as before
     )
     insert into ops.restatements (_client_id, source, slice, row_key, kind, old, new, fetch_seq, run_id)
     select _client_id, 'everflow.conversions', _slice, jsonb_build_object('conversion_id', conversion_id), 'changed',
            jsonb_build_object('status', before, 'payout', payout, 'date', date), jsonb_build_object('status', status, 'payout', payout, 'date', date), 2, 'r' from changed`,
    [client, `${month}-01`],
  );
}
