import { z } from "zod";
import { word } from "../../api/server/lists.ts";
import { Badge } from "../components/format.tsx";
import { Empty, ExportLink, Kept, NextPage, PageHead, PeriodPicker } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { download, get, page } from "../shared/page.tsx";
import { periodQuery, readPeriod } from "../shared/period.ts";
import { readers, type At, type Web } from "../shared/web.ts";
import type { Conversion, EverflowConversion } from "./answers.ts";

interface Listed<Item> {
  items: Item[];
  next: string | null;
}

const rowsPerPage = 100;
/** A longer list is what SQL is for. */
const mostExported = 50_000;
const paged = { ...periodQuery, cursor: z.string().max(1_000).optional() };

const anytrackFilters = {
  source: word.optional(),
  campaign: word.optional(),
  affiliate: word.optional(),
  type: word.optional(),
};
const everflowFilters = { affiliate: word.optional(), offer: word.optional(), status: word.optional() };

interface Feed<Item> {
  url: string;
  title: string;
  route: string;
  filters: Record<string, z.ZodType<string | undefined>>;
  columns: readonly Column<Item>[];
}

const anytrack: Feed<Conversion> = {
  url: "/conversions",
  title: "Conversions: AnyTrack",
  route: "/api/v1/anytrack/conversions",
  filters: anytrackFilters,
  columns: [
    {
      name: "conversionKey",
      label: "Conversion",
      kind: "text",
      value: (row) => row.conversionKey,
      show: (row) => (
        <a href={`/conversions/anytrack/${encodeURIComponent(row.conversionKey)}`}>
          {row.orderId ?? row.conversionKey}
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

type Query = Record<string, string | undefined> & z.output<z.ZodObject<typeof paged>>;

function listPages<Item>(web: Web, feed: Feed<Item>): void {
  const query = { ...paged, ...feed.filters };

  page(web, { url: feed.url, who: readers, query }, async (visit) => {
    const at = visit as unknown as At<Query>;
    const { address, period } = addressOf(feed, at, rowsPerPage);
    const { items, next } = await get<Listed<Item>>(web, at.request, address);
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
          <Table
            columns={feed.columns}
            rows={items}
            caption={`${feed.title}, ${period.from} to ${period.to}`}
            zone={at.zone}
            json={{ url: address, path: "items" }}
            empty={
              <Empty title="No conversion is like this">
                Choose other filters, or <a href="/freshness">see which days are there</a>.
              </Empty>
            }
          />
          <NextPage url={at.url} next={next} />
        </>
      ),
    };
  });

  download(web, { url: `${feed.url}.csv`, who: readers, query }, async (visit) => {
    const at = visit as unknown as At<Query>;
    const rows: Item[] = [];
    let period = readPeriod(at.query, at.today);
    for (let cursor: string | undefined; rows.length < mostExported;) {
      const asked = addressOf(feed, { ...at, query: { ...at.query, cursor } }, 500);
      period = asked.period;
      const { items, next } = await get<Listed<Item>>(web, at.request, asked.address);
      rows.push(...items);
      if (next === null) break;
      cursor = next;
    }
    return { name: `conversions-${period.from}-${period.to}.csv`, text: toCsv(feed.columns, rows) };
  });
}

/** The JSON route with the filters of the page. */
function addressOf<Item>(feed: Feed<Item>, { query, today }: Pick<At<Query>, "query" | "today">, limit: number) {
  const period = readPeriod(query, today);
  const asked = new URLSearchParams({ from: period.from, to: period.to, limit: String(limit) });
  for (const name of [...Object.keys(feed.filters), "cursor"])
    if (query[name] !== undefined) asked.set(name, query[name]);
  return { address: `${feed.route}?${asked.toString()}`, period };
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
