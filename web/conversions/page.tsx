import type { z } from "zod";
import { type placeInList, word } from "../../api/server/lists.ts";
import { conversionOrders } from "../../queries/conversions/anytrack-reports.ts";
import { everflowOrders } from "../../queries/conversions/list-everflow.ts";
import type { Orders } from "../../queries/shared/ordered.ts";
import { Badge } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, Kept, PageHead, PeriodPicker } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, jsonAddress } from "../shared/json.ts";
import { get, page } from "../shared/page.tsx";
import { periodQuery, readPeriod, type Period } from "../shared/period.ts";
import { sortedQuery } from "../shared/sorting.ts";
import { readers, type At, type Web } from "../shared/web.ts";
import type { Conversion, EverflowConversion, Totals as TotalsAnswer } from "./answers.ts";
import { shortKey } from "../components/short-key.ts";
import { Totals } from "./totals.tsx";

const anytrackFilters = {
  source: word.optional(),
  campaign: word.optional(),
  affiliate: word.optional(),
  type: word.optional(),
};
const everflowFilters = { affiliate: word.optional(), offer: word.optional(), status: word.optional() };

type Filtered = Record<string, z.ZodType<string | undefined>>;

interface Feed<Item> {
  url: string;
  title: string;
  route: string;
  filters: Filtered;
  columns: readonly Column<Item>[];
  orders: Orders;
}

const anytrack: Feed<Conversion> = {
  url: "/conversions",
  title: "Conversions: AnyTrack",
  route: "/api/v1/anytrack/conversions",
  filters: anytrackFilters,
  orders: conversionOrders,
  columns: [
    {
      name: "conversionKey",
      label: "Conversion",
      kind: "text",
      value: (row) => row.conversionKey,
      show: (row) => (
        <a href={`/conversions/anytrack/${encodeURIComponent(row.conversionKey)}`}>
          {row.orderId ?? shortKey(row.conversionKey)}
        </a>
      ),
    },
    { name: "type", label: "Type", kind: "text", value: (row) => row.type },
    {
      name: "revenue",
      label: "Revenue",
      kind: "money",
      value: (row) => row.revenue,
      currency: (row) => row.currency ?? "",
      why: () => "no amount was sent",
    },
    { name: "source", label: "Source", kind: "text", value: (row) => row.source },
    { name: "campaignId", label: "Campaign", kind: "text", value: (row) => row.campaignId, isExtra: true },
    { name: "affiliateId", label: "Affiliate", kind: "text", value: (row) => row.affiliateId, isExtra: true },
    { name: "journey", label: "Journey", kind: "text", value: (row) => row.journey, isExtra: true },
    { name: "eventTime", label: "When", kind: "moment", value: (row) => new Date(row.eventTime) },
  ],
};

const everflow: Feed<EverflowConversion> = {
  url: "/conversions/everflow",
  title: "Conversions: Everflow",
  route: "/api/v1/everflow/conversions",
  filters: everflowFilters,
  orders: everflowOrders,
  columns: [
    {
      name: "conversionId",
      label: "Conversion",
      kind: "text",
      value: (row) => row.conversionId,
      show: (row) => (
        <a href={`/conversions/everflow/${encodeURIComponent(row.conversionId)}`}>{row.conversionId.slice(0, 12)}…</a>
      ),
    },
    {
      name: "status",
      label: "Status",
      kind: "text",
      value: (row) => row.status,
      show: ({ status, isEvent, event }) => (
        <>
          <Badge tone={status === "approved" ? "good" : status === "pending" ? "warning" : "quiet"}>{status}</Badge>{" "}
          {isEvent ? <Badge tone="note">{event ?? "event"}</Badge> : null}
        </>
      ),
    },
    { name: "affiliateName", label: "Affiliate", kind: "text", value: (row) => row.affiliateName },
    { name: "offerName", label: "Offer", kind: "text", value: (row) => row.offerName, isExtra: true },
    { name: "payout", label: "Payout", kind: "money", value: (row) => row.payout, currency: (row) => row.currency },
    { name: "revenue", label: "Revenue", kind: "money", value: (row) => row.revenue, currency: (row) => row.currency },
    { name: "orderId", label: "Order", kind: "text", value: (row) => row.orderId, isExtra: true },
    { name: "convertedAt", label: "When", kind: "moment", value: (row) => new Date(row.convertedAt) },
  ],
};

/** Conversions as AnyTrack and Everflow have them. */
export function conversionPages(web: Web): void {
  listPages(web, anytrack);
  listPages(web, everflow);
}

type Asked = typeof periodQuery & { cursor: typeof placeInList } & Filtered;
type Query = z.output<z.ZodObject<Asked>>;

function listPages<Item>(web: Web, feed: Feed<Item>): void {
  const query: Asked = { ...periodQuery, ...sortedQuery(feed.orders), ...feed.filters };

  page(web, { url: feed.url, who: readers, query }, async (at) => {
    const period = readPeriod(at.query, at.today);
    const asked = askedOf(feed, at, period);
    const json = jsonAddress(`${asked.path}/totals`, { ...asked.query, sort: undefined, cursor: undefined });
    const [list, totals] = await Promise.all([
      callList<Item>(web, at, asked),
      get<TotalsAnswer>(web, at.request, json),
    ]);
    return {
      title: feed.title,
      body: (
        <>
          <PageHead title={feed.title}>
            <a class="button" href={feed.url === "/conversions" ? "/conversions/everflow" : "/conversions"}>
              {feed.url === "/conversions" ? "Everflow's" : "AnyTrack's"}
            </a>
            <a class="button" href="/deliveries">
              Deliveries
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <PeriodPicker url={at.url} period={period} />
          <Filters feed={feed} at={at} />
          <Totals totals={totals} json={json} />
          <ListTable
            at={at}
            list={list}
            columns={feed.columns}
            orders={feed.orders}
            caption={`${feed.title}, ${period.from} to ${period.to}`}
            empty={
              <Empty title="No conversion is like this">
                Choose other filters, or <a href="/freshness">see which days are there</a>.
              </Empty>
            }
          />
        </>
      ),
    };
  });

  exportList(web, { url: `${feed.url}.csv`, who: readers, query }, (at) => {
    const period = readPeriod(at.query, at.today);
    const name = `conversions-${period.from}-${period.to}.csv`;
    return { name, ...askedOf(feed, at, period), columns: feed.columns };
  });
}

/** The JSON route with the filters of the page. */
function askedOf<Item>({ route, filters }: Feed<Item>, { query }: Pick<At<Query>, "query">, { from, to }: Period) {
  const named = [...Object.keys(filters), "sort", "cursor"].map((name) => [name, query[name]]);
  return { path: route, query: { from, to, ...(Object.fromEntries(named) as Record<string, string | undefined>) } };
}

function Filters<Item>({ feed, at }: { feed: Feed<Item>; at: At<Query> }) {
  return (
    <form class="filters" method="get" action={at.url.pathname}>
      <Kept url={at.url} except={[...Object.keys(feed.filters), "cursor"]} />
      {Object.keys(feed.filters).map((name) => (
        <label key={name}>
          {name.charAt(0).toUpperCase() + name.slice(1)}
          <input name={name} value={at.query[name]} size={12} />
        </label>
      ))}
      <button type="submit">Filter</button>
    </form>
  );
}
