// The dashboards of reconciliation over a million reports, as their callers see them: a real API on a real Postgres,
// filled by the database itself, asked over HTTP. Prints the median and the 99th percentile of each, and what the plain query
// over the reports takes that the answer stands for.
// npm run bench:dashboards -- [reports] [requests of each]
import type { Database } from "../schema/database.ts";
import { measureRoutes, startApiBench } from "./api-bench.ts";

const [reports = 1_000_000, requests = 60] = process.argv.slice(2).map(Number);
const client = "713";
const affiliates = 1_000;
const campaigns = 100;
const aimMs = reports > 1_000_000 ? 80 : 30;

const bench = await startApiBench("dashboards", client);
const { database } = bench;
let isSlow = true;
try {
  const began = performance.now();
  await fill(database);
  console.log(`${reports} reports in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  const busiest = await readBusiest(database);
  const get = await bench.startApi({ API_RATE_LIMIT_PER_MINUTE: "1000000" });

  const random = (most: number) => 1 + Math.floor(Math.random() * most);
  const plain = (statement: string) => () => database.query(statement);
  const { campaignId, affiliateId } = busiest;
  const routes: [name: string, route: () => string, plain?: () => Promise<unknown>][] = [
    ["a campaign", () => `/dashboard/campaigns/${random(campaigns)}`],
    [
      `the largest campaign, ${busiest.campaignReports} reports`,
      () => `/dashboard/campaigns/${campaignId}`,
      plain(`select platform, currency, count(*), sum(reports), sum(spend), sum(claimed_views), sum(verified_views) from (
               select distinct on (platform, post_key) * from recon.post_totals where _client_id = '${client}' and campaign_id = ${campaignId}
                order by platform, post_key, verified_at desc nulls last, post_id) t group by 1, 2`),
    ],
    ["affiliates, first page", () => "/dashboard/affiliates"],
    ["discrepancies, HIGH", () => "/dashboard/discrepancies"],
    ["discrepancies of a campaign", () => `/dashboard/discrepancies?level=MEDIUM&campaign=${random(campaigns)}`],
    ["an affiliate's performance", () => `/affiliates/${random(affiliates)}/performance`],
    [
      `the busiest affiliate, ${busiest.affiliateReports} reports`,
      () => `/affiliates/${affiliateId}/performance`,
      plain(`select (reconciled_at at time zone 'UTC')::date, verdict, level, count(*) from recon.report_state
              where _client_id = '${client}' and affiliate_id = ${affiliateId} group by 1, 2, 3 order by 1`),
    ],
    ["an affiliate's submissions", () => `/affiliates/${random(affiliates)}/submissions`],
    [
      "the busiest affiliate's submissions",
      () => `/affiliates/${affiliateId}/submissions`,
      plain(
        `select * from recon.reports where _client_id = '${client}' and affiliate_id = ${affiliateId} order by report_id desc limit 50`,
      ),
    ],
    ["the largest campaign's submissions", () => `/submissions?campaign=${campaignId}`],
    ["a campaign's HIGH reports", () => `/submissions?level=HIGH&campaign=${random(campaigns)}`],
    ["a campaign's posts", () => `/posts?campaign=${random(campaigns)}`],
    ["the largest campaign's posts", () => `/posts?campaign=${campaignId}`],
  ];
  isSlow = await measureRoutes(
    routes.map(([name, route, beside]) => [name, () => get(`/api/v1/recon${route()}`), beside] as const),
    { requests, aimMs },
  );
} finally {
  await bench.stop();
}
process.exit(isSlow ? 1 : 0);

/** Skewed as life is: the first campaigns and affiliates have most of it. Two reports a post. */
function statementsToFill(): [string, string][] {
  const posts = Math.ceil(reports / 2);
  const claims = "1000 + i % 9000, 100 + i % 900, i % 50";
  const verdict = (i: string) =>
    `case ${i} % 20 when 0 then 'UNVERIFIABLE' when 1 then 'POST_DELETED' when 2 then 'DISCREPANCY' when 3 then 'DISCREPANCY' when 4 then 'DISCREPANCY' else 'MATCHED' end`;
  const level = (i: string) => `case ${i} % 20 when 2 then 'HIGH' when 3 then 'MEDIUM' when 4 then 'LOW' end`;
  return [
    [
      "campaigns",
      `insert into recon.campaigns (_client_id, campaign_id, advertiser_id, name) overriding system value
       select '${client}', i, 'adv-' || i % 10, 'campaign ' || i from generate_series(1, ${campaigns}) i`,
    ],
    [
      "affiliates",
      `insert into recon.affiliates (_client_id, affiliate_id, name, trust_score, total_submissions, accurate_submissions) overriding system value
       select '${client}', i, 'affiliate ' || i, round((i % 101) / 100.0, 2), 1000, 10 * (i % 101) from generate_series(1, ${affiliates}) i`,
    ],
    [
      "posts",
      `insert into recon.posts (_client_id, post_id, campaign_id, affiliate_id, platform, url, is_reconciled) overriding system value
       select '${client}', i, 1 + floor(${campaigns} * power(random(), 2)), 1 + floor(${affiliates} * power(random(), 2)),
              (array['reddit', 'instagram', 'meta'])[1 + i % 3], 'https://www.reddit.com/comments/' || to_hex(i), true
         from generate_series(1, ${posts}) i`,
    ],
    [
      "reports",
      `insert into recon.affiliate_reports (_client_id, report_id, post_id, affiliate_id, claimed_views, claimed_clicks, claimed_conversions,
              submission_method, submission_key, content_hash, submitted_at) overriding system value
       select '${client}', i, post_id, affiliate_id, ${claims}, 'API', 'k' || i, md5(i::text), now() - (${reports} - i) * interval '2 seconds'
         from generate_series(1, ${reports}) i join recon.posts on _client_id = '${client}' and post_id = 1 + (i - 1) % ${posts}`,
    ],
    [
      "platform reports",
      `insert into recon.platform_reports (_client_id, platform_report_id, post_id, platform, report_id, attempt, views, clicks, conversions, spend, currency) overriding system value
       select '${client}', i, post_id, platform, i, 1, case when i % 20 > 1 then 1000 + i % 9000 end, case when i % 20 > 1 then 100 + i % 900 end, null,
              case when platform = 'meta' then 12.345678 end, case when platform = 'meta' then (array['USD', 'EUR'])[1 + i % 2] end
         from generate_series(1, ${reports}) i join recon.posts on _client_id = '${client}' and post_id = 1 + (i - 1) % ${posts}`,
    ],
    [
      "logs",
      `insert into recon.reconciliation_logs (_client_id, log_id, report_id, attempt, post_id, affiliate_id, platform_report_id, verdict, level, counts_for_trust,
              is_accurate, claimed_views, claimed_clicks, claimed_conversions, verified_views, verified_clicks, reason, workflow_id, _run_id, processed_at) overriding system value
       select '${client}', report_id, report_id, 1, post_id, affiliate_id, report_id, ${verdict("report_id")}, ${level("report_id")}, report_id % 20 > 1, report_id % 20 > 3,
              claimed_views, claimed_clicks, claimed_conversions, claimed_views, claimed_clicks, 'as the platform says', 'reconcile/' || report_id, 'run', submitted_at
         from recon.affiliate_reports`,
    ],
    [
      "states",
      `insert into recon.report_state (_client_id, report_id, post_id, campaign_id, affiliate_id, platform, state, log_id, verdict, level, reconciled_at)
       select '${client}', r.report_id, p.post_id, p.campaign_id, p.affiliate_id, p.platform, 'RECONCILED', r.report_id, ${verdict("r.report_id")}, ${level("r.report_id")}, r.submitted_at
         from recon.affiliate_reports r join recon.posts p using (_client_id, post_id)`,
    ],
    [
      "totals",
      `insert into recon.post_totals (_client_id, post_id, campaign_id, affiliate_id, platform, post_key, reports, latest_report_id, claimed_views, claimed_clicks, claimed_conversions,
              verified_views, verified_clicks, verified_conversions, spend, currency, platform_report_id, verified_at, judged_report_id, verdict, level,
              counts_for_trust, is_accurate, first_report_id)
       select p._client_id, p.post_id, p.campaign_id, p.affiliate_id, p.platform, p.post_key, 2, r.report_id, r.claimed_views, r.claimed_clicks, r.claimed_conversions,
              f.views, f.clicks, f.conversions, f.spend, f.currency, f.platform_report_id, f.fetched_at, r.report_id, ${verdict("r.report_id")}, ${level("r.report_id")},
              r.report_id % 20 > 1, r.report_id % 20 > 3, case when r.report_id % 20 > 1 then r.report_id end
         from recon.posts p join recon.affiliate_reports r on r._client_id = p._client_id and r.report_id = p.post_id + ${reports - posts}
         join recon.platform_reports f on f._client_id = r._client_id and f.platform_report_id = r.report_id`,
    ],
  ];
}

async function fill(database: Database): Promise<void> {
  // Keys between the tables hold by construction; checking them a million times would take longer than all the rest.
  await database.query("set session_replication_role = replica");
  // Keys and indexes are built once over what is there, instead of a million times one row at a time.
  const { rows: keys } = await database.query<{ at: string; name: string; kind: string; definition: string }>(
    `select conrelid::regclass::text as at, quote_ident(conname) as name, contype as kind,
            pg_get_constraintdef(oid) || case contype when 'f' then ' not valid' else '' end as definition
       from pg_constraint where connamespace = 'recon'::regnamespace and contype in ('f', 'p', 'u')
      order by contype = 'f' desc`,
  );
  for (const { at, name } of keys) await database.query(`alter table ${at} drop constraint ${name}`);
  const { rows: indexes } = await database.query<{ name: string; definition: string }>(
    "select format('recon.%I', indexname) as name, indexdef as definition from pg_indexes where schemaname = 'recon'",
  );
  for (const { name } of indexes) await database.query(`drop index ${name}`);
  await database.query("set maintenance_work_mem = '512MB'");
  await database.query("set max_parallel_maintenance_workers = 0");
  const build = [
    ...keys.toReversed().map(({ at, name, definition }) => `alter table ${at} add constraint ${name} ${definition}`),
    ...indexes.map(({ definition }) => definition),
  ].join("; ");
  for (const [name, statement] of [
    ...statementsToFill(),
    ["keys and indexes", build],
    ["sums", "select recon.sum_again()"],
  ] as [string, string][]) {
    const began = performance.now();
    await database.query(statement);
    await database.query("analyze recon.posts, recon.affiliate_reports, recon.platform_reports");
    console.log(`  ${name} ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  }
  await database.query("set session_replication_role = origin");
  // As autovacuum leaves it.
  for (const name of [
    "posts",
    "affiliate_reports",
    "platform_reports",
    "reconciliation_logs",
    "report_state",
    "post_totals",
    "affiliates",
    "campaigns",
    "verdict_counts",
    "verdict_days",
    "post_sums",
  ])
    await database.query(`vacuum analyze recon.${name}`);
}

async function readBusiest(database: Database) {
  const { rows } = await database.query<{
    campaignId: string;
    campaignReports: number;
    affiliateId: string;
    affiliateReports: number;
  }>(
    `select c.campaign_id::text as "campaignId", c.n as "campaignReports", a.affiliate_id::text as "affiliateId", a.n as "affiliateReports"
       from (select campaign_id, count(*) as n from recon.report_state group by 1 order by 2 desc limit 1) c,
            (select affiliate_id, count(*) as n from recon.report_state group by 1 order by 2 desc limit 1) a`,
  );
  const [found] = rows;
  if (found === undefined) throw new Error("nothing was filled in");
  return found;
}
