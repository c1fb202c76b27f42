import { busiestCampaign } from "./page-addresses.ts";
import { client, items, today, walkedId, type Source } from "./sql-source.ts";
import { sourcesOfMoney } from "./sql-sources-money.ts";

/** Changes of rows by their ledger, with what the row's first amount changed by. */
const changesOf = (columns: string, which: string) => `
  select ${columns},
         trim_scale(case when coalesce(new ->> 'cost', old ->> 'cost') is not null then coalesce((new ->> 'cost')::numeric, 0) - coalesce((old ->> 'cost')::numeric, 0)
              when coalesce(new ->> 'payout', old ->> 'payout') is not null then coalesce((new ->> 'payout')::numeric, 0) - coalesce((old ->> 'payout')::numeric, 0)
              else coalesce((new ->> 'revenue')::numeric, 0) - coalesce((old ->> 'revenue')::numeric, 0) end) as change
    from ops.restatements r left join ops.receipts p on p.fetch_seq = r.fetch_seq where r.${client} and ${which}`;

const cpaTotals = `
  select sum(ef_conversions) as "efConversions", round(sum(final_cost), 2) as "finalCost", round(sum(revenue), 2) as revenue`;
const byAffiliate = (from: string, to: string) => `
  select affiliate, ef_conversions as "efConversions", round(final_cost, 2) as "finalCost", cpa, round(revenue, 2) as revenue,
         round(margin, 2) as margin from public.cpa_by_affiliate(${from}, ${to}, '713')`;
const claims = `
  select report_id as "reportId", affiliate_name as "affiliateName", campaign_name as "campaignName", url, level as "verdict.level",
         claimed_views as "claimed.views", claimed_clicks as "claimed.clicks" from recon.claims where ${client}`;

const counted = "sum(impressions) as impressions, sum(clicks) as clicks";
const rateOf = "round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 2)::float8";
const promoDays = (date: string) => `${client} and ${date} between ${today} - ($1::int - 1) and ${today}`;
const shownMost = "offer_id = (select id from promo.promo_offers order by total_impressions desc, id limit 1)";

/** What a promo page tells of its clicks and of their conversions. */
const ofClicks = (and: string): Source[] => [
  {
    name: "clicks by device",
    rows: /^devices\.(\d+)\./,
    sql: `select device, count(*) filter (where not is_bot and not is_repeat) as clicks, count(*) as raw_clicks
            from promo.promo_click_tracking where ${promoDays("clicked_date")} ${and} group by 1`,
    isWhole: true,
  },
  {
    name: "commission",
    rows: /^funnel\.by_affiliate\.(\d+)\./,
    sql: `select max(affiliate) as affiliate, sum(conversions) as conversions, round(sum(payout), 2) as payout, round(sum(revenue), 2) as revenue,
                 round(sum(spend), 2) as spend, round(sum(cost), 2) as cost, round(sum(profit), 2) as profit
            from promo.commission where ${promoDays("clicked_date")} ${and} group by affiliate_id, currency, origin`,
    isWhole: true,
  },
];

/** Reports' days are by UTC in the walked stack. */
const reportToday = "(now() at time zone 'UTC')::date";
const funnelOf = (by: string, path: string, columns: string): Source => ({
  name: `funnel, ${by}`,
  rows: new RegExp(`^${path}`),
  sql: `select ${columns} bid_requests as "bidRequests", bids, impressions,
               round(100.0 * greatest(0, bid_requests - bids) / nullif(bid_requests, 0), 2)::float8 as "rates.wasteRatio"
          from rtb.funnel_by('${by}', ${reportToday} - ($1::int - 1), ${reportToday}, '713')`,
});

/** What stands above a list: one row, of all that its page is opened with. */
const inAll = (columns: string, from: string): Source => ({
  name: "totals above the list",
  rows: /^()/,
  of: /\/totals/,
  sql: `select ${columns} from ${from}`,
  isWhole: true,
});
const totals: Record<string, Source> = {
  "/receipts": inAll(
    "count(*) as receipts, sum(inserted) as inserted, sum(updated) as updated, sum(withdrawn) as withdrawn, sum(quarantined) as quarantined",
    `ops.receipts where ${client}`,
  ),
  "/changes": inAll(
    "count(*) as changes, count(*) as changed, 0 as first, 0 as withdrawn",
    `ops.restatements where ${client} and kind = 'changed'`,
  ),
  "/audit": inAll("count(*) as entries, count(distinct actor) as actors", `ops.audit where ${client}`),
  "/runs": inAll(
    'count(*) as runs, sum(slices_done) as "daysDone", sum(slices_failed) as "daysFailed", sum(inserted) as inserted, sum(updated) as updated',
    `ops.runs where ${client}`,
  ),
  "/quarantine": inAll(
    "count(*) as entries, count(*) filter (where resolved_at is null) as open",
    `ops.quarantine where ${client}`,
  ),
  "/deliveries": inAll(
    "count(*) as deliveries, count(*) filter (where state = 'failed') as failed",
    `ops.deliveries where ${client}`,
  ),
  "/alerts": inAll(
    "count(*) as alerts, count(*) filter (where severity = 'critical') as critical, count(*) filter (where resolved_at is null) as open",
    `ops.alerts where ${client}`,
  ),
  "/seats": inAll(
    "(select count(*) from rtb.buyer_seats) as seats, count(*) filter (where vanished_at is not null) as vanished, count(*) filter (where vanished_at is null and approval_status = 'APPROVED') as approved",
    `rtb.creatives where ${client} and buyer_id is not null`,
  ),
  "/creatives": inAll(
    "count(distinct id) as creatives, round(sum(spend), 2) as spend, sum(impressions) as impressions, sum(clicks) as clicks",
    `(select c.id, m.spend, m.impressions, m.clicks from rtb.creatives c left join rtb.performance_metrics m on m._client_id = c._client_id and m.creative_id = c.id where c.${client}) t`,
  ),
  "/campaigns": inAll(
    '(select count(*) from rtb.campaigns) as campaigns, count(distinct k.creative_id) as creatives, round(sum(m.spend), 2) as "spendAllTime"',
    `(select distinct creative_id from rtb.campaign_creatives where ${client}) k left join rtb.performance_metrics m on m.${client} and m.creative_id = k.creative_id`,
  ),
  "/reconciliation/affiliates": inAll(
    "count(*) as affiliates, count(*) filter (where is_active) as active",
    `recon.affiliates where ${client}`,
  ),
};

/** Tables and views that the figures of each page come from. */
const listed: Record<string, Source[]> = {
  "/": [
    {
      name: "spend by now",
      rows: /^spend\.day\.()/,
      sql: `select round(cost, 2) as total from redtrack.spend_by_hour where ${client} and date = ${today} order by hour desc limit 1`,
      isWhole: true,
    },
    {
      name: "spend of each source by now",
      rows: /^spend\.sources\.(\d+)\./,
      // A source that the latest reading has not is one without spend.
      sql: `with known as (select distinct source_name from redtrack.spend_intraday where ${client} and date in (${today}, ${today} - 1, ${today} - 7))
            select k.source_name as "sourceName", round(coalesce(n.cost, 0), 2) as cost
              from known k left join redtrack.spend_intraday n on n.${client} and n.source_name = k.source_name and n.date = ${today}
               and n.pulled_at = (select max(pulled_at) from redtrack.spend_intraday where ${client} and date = ${today})`,
      isWhole: true,
    },
    {
      name: "results of four periods",
      rows: /^periods\.(\d+\.totals\.\d+)\./,
      sql: [
        [0, 0],
        [1, 1],
        [6, 0],
        [29, 0],
      ]
        .map(
          ([from, to]) =>
            `${cpaTotals} from public.cpa_figures where ${client} and date between ${today} - ${from} and ${today} - ${to} group by currency, origin = 'sandbox'`,
        )
        .join(" union all "),
    },
    {
      name: "affiliates of yesterday",
      rows: /^affiliates\.items\.(\d+)\./,
      sql: byAffiliate(`${today} - 1`, `${today} - 1`),
      isWhole: true,
    },
    {
      name: "open alerts",
      rows: /^alerts\.()/,
      sql: `select count(*) filter (where severity = 'critical') as critical, count(*) filter (where severity = 'warning') as warning
              from ops.alerts where ${client} and resolved_at is null`,
      isWhole: true,
    },
  ],
  "/spend": [
    {
      name: "spend per day",
      rows: items,
      of: /spend\/days/,
      sql: `select date, round(sum(cost), 2) as cost, sum(clicks) as clicks, sum(conversions) as conversions, round(sum(revenue), 2) as revenue,
                   count(*) as sources from redtrack.daily_spend where ${client} and date between $1 and $2 group by 1`,
      isWhole: true,
    },
    {
      name: "course of the day",
      rows: items,
      of: /spend\/hours/,
      sql: `select round(t.cost, 2) as cost
              from (select distinct hour from redtrack.spend_by_hour where ${client} and date = any(array(select ${today} - back from unnest(array[0, 1, 7, 14, 21, 28]) back))) h
              left join redtrack.spend_by_hour t on t.${client} and t.date = ${today} and t.hour = h.hour`,
      isWhole: true,
    },
    {
      name: "spend in all",
      rows: /^totals\.()/,
      sql: `select round(sum(cost), 2) as cost, sum(clicks) as clicks from redtrack.daily_spend where ${client} and date between $1 and $2`,
      isWhole: true,
    },
  ],
  "/receipts": [
    {
      name: "receipts",
      rows: items,
      sql: `select receipt_id as "receiptId", source, slice, outcome, round(total, 2) as total, inserted, updated from ops.receipts where ${client}`,
    },
  ],
  "/receipts/:id": [
    {
      name: "a receipt",
      rows: /^()/,
      of: /receipts\/\d+$/,
      sql: `select round(total, 2) as total, inserted, updated, withdrawn, unchanged, quarantined, fetched, pages, attempt
              from ops.receipts where receipt_id = ${walkedId("/receipts/:id")}::bigint`,
      isWhole: true,
    },
    { name: "changes of a receipt", rows: items, of: /restatements/, sql: changesOf("r.kind", "true") },
  ],
  "/changes": [
    {
      name: "changes",
      rows: items,
      sql: changesOf(`r.source, r.slice, r.kind, p.receipt_id as "receiptId"`, "kind = 'changed'"),
    },
  ],
  "/audit": [
    {
      name: "acts of people",
      rows: items,
      sql: `select actor, role, action, subject from ops.audit where ${client} order by audit_id desc limit 100`,
      isWhole: true,
    },
  ],
  "/runs": [
    {
      name: "runs",
      rows: items,
      sql: `select run_id as "runId", kind, source, outcome, day_from as "from", day_to as "to", slices_done as done, slices_failed as failed, inserted, updated
              from ops.runs where ${client}`,
    },
  ],
  "/runs/:id": [
    {
      name: "days of a run",
      rows: items,
      sql: `select slice as day, round(total, 2) as after, inserted, updated, withdrawn, receipt_id as "receiptId"
              from ops.receipts where ${client} and run_id = ${walkedId("/runs/:id")}`,
      isWhole: true,
    },
    {
      name: "how far a run is",
      rows: /^()/,
      of: /progress$/,
      sql: `select slices_done as done, slices_planned as planned, slices_failed as failed from ops.runs where run_id = ${walkedId("/runs/:id")}`,
      isWhole: true,
    },
  ],
  "/files": [
    {
      name: "files",
      rows: items,
      sql: `select name, lines, case when outcome = 'refused' then 0 else lines - superseded - rejected end as imported, round(spend, 2) as "sums.spend",
                   day_from as "days.from", day_to as "days.to", replaced as "replacedSince", mapping from ops.files where ${client}`,
      isWhole: true,
    },
    {
      name: "files in all",
      rows: /^()/,
      of: /totals$/,
      sql: `select count(*) as files, sum(lines) as lines, sum(rejected) as rejected from ops.files where ${client}`,
      isWhole: true,
    },
  ],
  "/files/:id": [
    {
      name: "a file",
      rows: /^answer\.()/,
      sql: `select lines, inserted, updated, unchanged, rejected, round(spend, 2) as "sums.spend" from ops.files where file_id = ${walkedId("/files/:id")}::int`,
      isWhole: true,
    },
    {
      name: "days of a file",
      rows: items,
      of: /days$/,
      // Whatever the ledger of files says, the rows carry the number of the file that wrote them.
      sql: `select d.date, d.inserted, d.updated, d.confirmed, d.inserted + d.updated + d.confirmed - coalesce(h.rows, 0) as "takenOver",
                   round(d.spend_before, 2) as "spendBefore", round(d.spend_after, 2) as "spendAfter"
              from ops.file_days d
              left join (select date, count(*) as rows from rtb.performance_metrics where _file_id = ${walkedId("/files/:id")}::int group by 1) h using (date)
             where d.file_id = ${walkedId("/files/:id")}::int`,
      isWhole: true,
    },
    {
      name: "rejected lines",
      rows: items,
      of: /quarantine/,
      sql: `select line, reason from ops.quarantine where ${client} and slice = 'file/' || ${walkedId("/files/:id")} and resolved_at is null`,
      isWhole: true,
    },
  ],
  "/quarantine": [
    {
      name: "rows in quarantine",
      rows: items,
      sql: `select quarantine_id as "quarantineId", source, slice, line, reason from ops.quarantine where ${client}`,
    },
  ],
  "/deliveries": [
    {
      name: "deliveries",
      rows: items,
      sql: `select destination, state, conversion_key as "conversionKey", round(value, 2) as value, attempts from ops.deliveries where ${client}`,
    },
  ],
  "/conversions/anytrack/:key": [
    {
      name: "AnyTrack's conversion",
      rows: /^()/,
      sql: `select round(revenue, 2) as revenue from anytrack.conversions where conversion_key = ${walkedId("/conversions/anytrack/:key", "key")}`,
      isWhole: true,
    },
    {
      name: "credit of touchpoints",
      rows: /^attribution\.models\.(\d+\.weights\.\d+)\./,
      sql: `select weight from anytrack.attribution where conversion_key = ${walkedId("/conversions/anytrack/:key", "key")}`,
      isWhole: true,
    },
  ],
  "/conversions/everflow/:id": [
    {
      name: "Everflow's conversion",
      rows: /^()/,
      sql: `select round(payout, 2) as payout, round(revenue, 2) as revenue, round(sale_amount, 2) as "saleAmount"
              from everflow.conversions where conversion_id = ${walkedId("/conversions/everflow/:id")}`,
      isWhole: true,
    },
  ],
  "/reconciliation/reports/:id": [
    {
      name: "claimed beside verified",
      rows: /^verdict\.compared\.(\d+)\./,
      sql: `select m.metric, m.claimed, m.verified from recon.claims c
             cross join lateral (values ('views', claimed_views, verified_views), ('clicks', claimed_clicks, verified_clicks),
                                        ('conversions', claimed_conversions, verified_conversions)) m(metric, claimed, verified)
             where c.report_id = ${walkedId("/reconciliation/reports/:id")}::bigint`,
    },
  ],
  "/reconciliation/campaigns/:id": [
    {
      name: "claims of a campaign",
      rows: /^verdicts\.(\d+)\./,
      sql: `select verdict, count(*) as reports from recon.claims where campaign_id = ${walkedId("/reconciliation/campaigns/:id")}::bigint group by verdict, level`,
      isWhole: true,
    },
  ],
  "/freshness/:source/:day": [
    {
      name: "state of a day",
      rows: items,
      sql: `select rows, round(total, 2) as total from ops.freshness where ${client} and source = 'redtrack.daily_spend' and day = $1`,
    },
  ],
  "/cost": [
    { name: "CPA by affiliate", rows: items, sql: byAffiliate("$1", "$2"), isWhole: true },
    {
      name: "CPA in all",
      rows: /^totals\.(\d+)\./,
      sql: `${cpaTotals} from public.cpa_daily where ${client} and date between $1 and $2 group by currency, origin = 'sandbox'`,
    },
  ],
  "/cost/days": [
    {
      name: "CPA by day and affiliate",
      rows: items,
      sql: `select date, affiliate, ef_conversions as "efConversions", round(final_cost, 2) as "finalCost", cpa, round(revenue, 2) as revenue, round(margin, 2) as margin
              from public.cpa_daily where ${client} and date between $1 and $2`,
    },
  ],
  "/cost/mapping": [
    {
      name: "spend of no affiliate",
      rows: items,
      sql: `select source_id as "sourceId", round(sum(cost), 2) as cost, sum(clicks) as clicks from public.unmapped_spend where ${client} and date between $1 and $2 group by 1`,
      isWhole: true,
    },
  ],
  "/conversions": [
    {
      name: "AnyTrack's conversions",
      rows: items,
      sql: `select conversion_key as "conversionKey", type, round(revenue, 2) as revenue, source, campaign_id as "campaignId" from anytrack.conversions where ${client}`,
    },
  ],
  "/conversions/everflow": [
    {
      name: "Everflow's conversions",
      rows: items,
      sql: `select conversion_id as "conversionId", status, round(payout, 2) as payout, round(revenue, 2) as revenue, order_id as "orderId" from everflow.conversions where ${client}`,
    },
  ],
  "/campaigns": [
    {
      name: "spend of campaigns",
      rows: items,
      sql: `select k.campaign_name as "campaignName", round(coalesce(sum(d.spend), 0), 2) as "totalSpendAllTime"
              from rtb.campaigns k left join rtb.campaign_days d on d._client_id = k._client_id and d.campaign_id = k.campaign_id where k.${client} group by 1`,
    },
  ],
  "/campaigns/:id": [
    {
      name: "countries of a campaign",
      rows: /^geographies\.(\d+)\./,
      sql: `select p.geography, round(sum(p.spend), 2) as spend, sum(p.clicks) as clicks
              from rtb.performance_metrics p join rtb.campaign_creatives k on k._client_id = p._client_id and k.creative_id = p.creative_id
             where p.${client} and k.campaign_id = (${busiestCampaign})::bigint group by 1`,
      isWhole: true,
    },
    {
      name: "decisions about a campaign",
      rows: /^decisions\.(\d+)\./,
      sql: `select actor, kind, cardinality(creatives) as creatives from rtb.campaign_decisions
             where ${client} and (${busiestCampaign})::bigint in (campaign_id, from_campaign_id)`,
      isWhole: true,
      isMade: true,
    },
  ],
  "/waste": [
    funnelOf("country", "countries\\.(\\d+)\\.", "value as country,"),
    funnelOf("publisher", "publishers\\.(\\d+)\\.", 'value as "publisherId",'),
    { ...funnelOf("hour", "hours\\.(\\d+)\\.", "value as hour,"), isWhole: true },
    {
      name: "funnel of all",
      rows: /^funnel\.()/,
      sql: `select inventory_matches as "inventoryMatches", bid_requests as "bidRequests", bids, auctions_won as "auctionsWon", impressions
              from rtb.funnel_by('all', ${reportToday} - ($1::int - 1), ${reportToday}, '713')`,
      isWhole: true,
    },
    {
      name: "spend by each source",
      rows: /^spendSources\.(\d+)\./,
      sql: `select source, round(sum(spend), 2) as spend, count(distinct date) as days
              from (select date, unnest(array['bids_in_auction', 'quality', 'ad_performance']) as source,
                           unnest(array[spend_bids_in_auction, spend_quality, spend_performance]) as spend
                      from rtb.spend_days where ${client} and date between ${reportToday} - ($1::int - 1) and ${reportToday}) by_source
             where spend is not null group by 1`,
      isWhole: true,
    },
    {
      name: "size coverage",
      rows: /^sizes\.(\d+)\./,
      sql: `select size, coverage, creatives, requests from rtb.size_coverage(${reportToday} - ($1::int - 1), ${reportToday}, '713')`,
      isWhole: true,
    },
  ],
  "/reconciliation": [
    {
      name: "trust of affiliates",
      rows: items,
      sql: `select a.name, t.trust_score::float8 as trust from recon.affiliate_trust t join recon.affiliates a on a._client_id = t._client_id and a.affiliate_id = t.affiliate_id where t.${client}`,
    },
  ],
  "/reconciliation/queue": [
    { name: "claims", rows: items, sql: claims },
    {
      name: "claims in all",
      rows: /^()/,
      of: /totals$/,
      sql: `select count(*) as claims, count(distinct post_id) as posts, count(*) filter (where verdict = 'MATCHED') as matched,
                   count(*) filter (where level = 'HIGH') as "farTooHigh" from recon.claims where ${client}`,
      isWhole: true,
    },
  ],
  "/promo": [
    {
      name: "promo in all",
      rows: /^summary\.()/,
      sql: `select sum(impressions) as total_impressions, sum(clicks) as total_clicks, ${rateOf} as overall_ctr from promo.daily where ${promoDays("date")}`,
      isWhole: true,
    },
    {
      name: "offers",
      rows: /^offers\.(\d+)\./,
      sql: `select offer_name, ${counted}, ${rateOf} as ctr, sum(raw_clicks) as raw_clicks, sum(bot_clicks) as bot_clicks
              from promo.daily where ${promoDays("date")} group by offer_id, offer_name`,
      isWhole: true,
    },
    {
      name: "funnel of offers",
      rows: /^funnel\.by_offer\.(\d+)\./,
      sql: `select (select name from promo.promo_offers o where o.${client} and o.id = offer_id) as offer_name, ${counted}, sum(conversions) as conversions
              from promo.funnel where ${promoDays("date")} group by offer_id`,
      isWhole: true,
    },
    ...ofClicks(""),
  ],
  "/promo/offers/:id": [
    {
      name: "texts of an offer",
      rows: /^variations\.(\d+)\./,
      sql: `select variation_id, ${counted}, ${rateOf} as ctr, sum(raw_clicks) as raw_clicks, sum(bot_clicks) as bot_clicks
              from promo.daily where ${promoDays("date")} and ${shownMost} group by variation_id`,
      isWhole: true,
    },
    {
      name: "funnel of texts",
      rows: /^funnel\.by_variation\.(\d+)\./,
      sql: `select variation_id, ${counted}, sum(conversions) as conversions from promo.funnel where ${promoDays("date")} and ${shownMost} group by variation_id`,
      isWhole: true,
    },
    ...ofClicks(`and ${shownMost}`),
  ],
};

export const sources: Record<string, Source[]> = Object.fromEntries(
  [...new Set([...Object.keys(listed), ...Object.keys(totals), ...Object.keys(sourcesOfMoney)])].map((route) => {
    const above = totals[route];
    return [
      route,
      [...(listed[route] ?? []), ...(sourcesOfMoney[route] ?? []), ...(above === undefined ? [] : [above])],
    ];
  }),
);
