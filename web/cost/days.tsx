import type { z } from "zod";
import type { daily, perAffiliate } from "../../api/cost/shapes.ts";
import { word } from "../../api/server/lists.ts";
import { cpaDayOrders } from "../../queries/cost/cpa.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { Badge, Name, Origin } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, Notice, PageHead, PeriodPicker } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, jsonAddress } from "../shared/json.ts";
import { get, page, type Visit } from "../shared/page.tsx";
import { periodQuery, readPeriod } from "../shared/period.ts";
import { sortedQuery } from "../shared/sorting.ts";
import { readers, withQuery, type Web } from "../shared/web.ts";

type Day = z.infer<typeof daily>;
type Whole = z.infer<typeof perAffiliate>;

const query = {
  ...periodQuery,
  affiliateId: word.optional(),
  /** Of spend that is no one affiliate's: by its name in the mapping. */
  affiliate: word.optional(),
  ...sortedQuery(cpaDayOrders),
};
const path = "/api/v1/cost/cpa/daily";

/** The days of one affiliate, or of all. */
export function costDaysAddress(
  { affiliateId, affiliate }: { affiliateId: string | null; affiliate: string },
  { from, to }: { from: string; to: string },
): string {
  const whose = affiliateId === null ? { affiliate } : { affiliateId };
  return `/cost/days?${new URLSearchParams({ from, to, ...whose })}`;
}

const money = <Row extends Day | Whole>() => moneyIn<Row>(({ currency }) => currency, { why: ({ note }) => note });

function figureColumns<Row extends Day | Whole>(): Column<Row>[] {
  const amount = money<Row>();
  return [
    {
      name: "efConversions",
      label: "Conversions",
      kind: "count",
      value: (row) => row.efConversions,
      why: ({ note }) => note,
    },
    amount("finalCost", "Cost", (row) => row.finalCost),
    amount("cpa", "CPA", (row) => row.cpa),
    amount("revenue", "Revenue", (row) => row.revenue),
    amount("margin", "Margin", (row) => row.margin),
    { name: "costBasis", label: "Cost is", kind: "text", value: (row) => row.costBasis, isExtra: true },
    { name: "note", label: "Note", kind: "text", value: (row) => row.note, isExtra: true },
  ];
}

/** Cost per acquisition day by day: the rows that the figures of a period are made of, each with the receipts of its day. */
export function costDaysPages(web: Web): void {
  page(web, { url: "/cost/days", who: readers, query }, async (at) => {
    const { period, asked } = read(at);
    const json = jsonAddress("/api/v1/cost/cpa/affiliates", { from: period.from, to: period.to });
    const [list, { items }] = await Promise.all([
      callList<Day>(web, at, { path, query: { ...asked, cursor: at.query.cursor } }),
      get<{ items: Whole[] }>(web, at.request, json),
    ]);
    const { affiliateId, affiliate } = at.query;
    const own = items.filter((row) =>
      affiliateId === undefined
        ? row.affiliateId === null && row.affiliate === affiliate
        : row.affiliateId === affiliateId,
    );
    const isOfOne = affiliateId !== undefined || affiliate !== undefined;
    return {
      title: "Cost per acquisition by day",
      body: (
        <>
          <PageHead title="Cost per acquisition by day" lead="What each day cost and brought, per affiliate.">
            <a class="button" href={`/cost?from=${period.from}&to=${period.to}`}>
              In all
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <PeriodPicker url={at.url} period={period} />
          {isOfOne ? (
            <Notice tone="note">
              Only <Name of={own[0]?.affiliate ?? affiliate ?? affiliateId} />.{" "}
              <a href={withQuery(at.url, { affiliate: null, affiliateId: null })}>Show all affiliates</a>
            </Notice>
          ) : null}
          {isOfOne && own.length > 0 ? (
            <Table
              columns={[wholeColumn, ...figureColumns<Whole>()]}
              rows={own}
              zone={at.zone}
              caption={`${period.from} to ${period.to} in all`}
              json={{ url: json, path: "items", indexOf: (row) => items.indexOf(row) }}
            />
          ) : null}
          <ListTable
            at={at}
            list={list}
            orders={cpaDayOrders}
            columns={columnsFor(at)}
            caption={`Cost per acquisition per day and affiliate, ${period.from} to ${period.to}`}
            empty={
              <Empty title="Nothing is known of these days">
                <a href={`/freshness?from=${period.from}&to=${period.to}`}>See whether they were read</a>, or choose
                another period.
              </Empty>
            }
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/cost/days.csv", who: readers, query }, (at) => {
    const { period, asked } = read(at);
    const currency: Column<Day> = { name: "currency", label: "Currency", kind: "text", value: (row) => row.currency };
    const columns = [...columnsFor(at), currency, originColumn];
    return { name: `cost-by-day-${period.from}-${period.to}.csv`, path, query: asked, columns };
  });
}

function read({ query: { affiliateId, affiliate, sort, cursor: _cursor, ...days }, today }: Visit<typeof query>) {
  const period = readPeriod(days, today);
  return { period, asked: { from: period.from, to: period.to, affiliateId, affiliate, sort } };
}

const wholeColumn: Column<Whole> = {
  name: "affiliate",
  label: "In all",
  kind: "text",
  value: ({ affiliate }) => affiliate,
  show: ({ affiliate, currency }) => (
    <>
      <Name of={affiliate} /> <span class="quiet">{currency}</span>
    </>
  ),
};

const receiptsOf = (source: string, day: string, label: string) => (
  <a class="cell" href={`/receipts?source=${source}&day=${day}`} aria-label={`Receipts of ${source} ${day}`}>
    {label}
  </a>
);

function columnsFor({ url }: { url: URL }): Column<Day>[] {
  return [
    { name: "date", label: "Day", kind: "day", value: ({ date }) => date },
    {
      name: "affiliate",
      label: "Affiliate",
      kind: "text",
      value: ({ affiliate }) => affiliate,
      show: ({ affiliate, affiliateId, isInternal, origin }) => (
        <>
          <a
            href={withQuery(
              url,
              affiliateId === null ? { affiliate, affiliateId: null } : { affiliateId, affiliate: null },
            )}
          >
            {affiliate}
          </a>{" "}
          <Badge tone="quiet">{isInternal ? "internal" : "external"}</Badge> <Origin of={origin} />
        </>
      ),
    },
    ...figureColumns<Day>(),
    {
      name: "receipts",
      label: "Receipts",
      kind: "text",
      isLocal: true,
      value: () => null,
      show: ({ date, efConversions, rtSpend }) => (
        <>
          {efConversions === null ? null : receiptsOf("everflow.daily_stats", date, "Everflow")}{" "}
          {rtSpend === null ? null : receiptsOf("redtrack.daily_spend", date, "Redtrack")}
        </>
      ),
    },
  ];
}
