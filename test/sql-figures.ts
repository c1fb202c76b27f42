import type { Queryable } from "../schema/database.ts";
import { busiestCampaign } from "./page-addresses.ts";
import type { figuresIn } from "./page-figures.ts";

export type Tuple = Record<string, string>;
type Figure = ReturnType<typeof figuresIn>[number];

interface Source {
  name: string;
  /** Where a row of these figures stands in the answer: the rest of the place is the field. */
  rows: RegExp;
  /** As an analyst would ask it; its columns are named as the fields. `$1` to `$2` are the days of the page, or `$1` their number. */
  sql: string;
  /** The page shows all of them. */
  isWhole?: boolean;
}

const items = /^items\.(\d+)\./;
const client = "_client_id = '713'";
const today = "(now() at time zone 'America/New_York')::date";

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

/** Tables and views that the figures of each page come from. */
const sources: Record<string, Source[]> = {
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
      sql: `select date, round(sum(cost), 2) as cost, sum(clicks) as clicks, sum(conversions) as conversions, round(sum(revenue), 2) as revenue,
                   count(*) as sources from redtrack.daily_spend where ${client} and date between $1 and $2 group by 1`,
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
      sql: `select receipt_id as "receiptId", source, slice, outcome, round(total, 2) as total, inserted, updated, withdrawn, run_id as "runId" from ops.receipts where ${client}`,
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
  ],
  "/reconciliation": [
    {
      name: "trust of affiliates",
      rows: items,
      sql: `select a.name, t.trust_score::float8 as trust from recon.affiliate_trust t join recon.affiliates a on a._client_id = t._client_id and a.affiliate_id = t.affiliate_id where t.${client}`,
    },
  ],
  "/reconciliation/queue": [{ name: "claims", rows: items, sql: claims }],
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

/** The cards of creatives: no table, so their figures are attributes. */
const cards = /<li data-id="([^"]*)" data-spend="([^"]*)" data-cpc="([^"]*)" data-cpm="([^"]*)"/g;
const ofCards: Source = {
  name: "cards of creatives",
  rows: items,
  sql: `select creative_id::text as id, round(spend, 2) as spend from rtb.creative_periods where ${client} and period = 'all'`,
};

export interface BothFigures {
  name: string;
  shown: Tuple[];
  stored: Tuple[];
  isWhole: boolean;
}

/** What a page shows beside what its tables and views say: of each row, the fields that both have. */
export async function figuresOfSql(
  database: Queryable,
  { route, page, figures }: { route: string; page: string; figures: readonly Figure[] },
): Promise<BothFigures[]> {
  const both: BothFigures[] = [];
  for (const source of sources[route] ?? []) {
    const of = figures.filter(({ place }) => source.rows.test(place));
    const asked = new URL(of[0]?.json ?? "", "http://page").searchParams;
    // A page of the last so many days names their number.
    const [from, to] = [asked.get("from") ?? asked.get("days"), asked.get("to")];
    const stored = await ask(
      database,
      source.sql,
      source.sql.includes("$2") ? [from, to] : source.sql.includes("$1") ? [from] : [],
    );
    const names = Object.keys(stored[0] ?? {});
    const rows = new Map<string, Tuple>();
    for (const { json, place, value } of of) {
      const [prefix = ""] = source.rows.exec(place) ?? [];
      const field = place.slice(prefix.length);
      if (!names.includes(field)) continue;
      const row = rows.get(json + prefix) ?? {};
      rows.set(json + prefix, Object.assign(row, { [field]: value }));
    }
    // Another list of the same page has other fields.
    const shown = [...rows.values()].filter((row) => Object.keys(row).length === names.length);
    both.push({ name: source.name, shown, stored, isWhole: source.isWhole ?? false });
  }
  const tiles = [...page.matchAll(cards)];
  if (tiles.length > 0) {
    const shown = tiles.map(([, id = "", spend = ""]): Tuple => ({ id, spend }));
    both.push({ name: ofCards.name, shown, stored: await ask(database, ofCards.sql, []), isWhole: false });
  }
  return both;
}

async function ask(database: Queryable, sql: string, values: unknown[]): Promise<Tuple[]> {
  const { rows } = await database.query<Record<string, unknown>>(sql, values);
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? "" : String(value)])),
  );
}
