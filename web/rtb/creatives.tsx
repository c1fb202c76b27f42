import { currencyOf } from "../../api/server/zone.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { areAllSandbox, countText, moneyText, None, Origin } from "../components/format.tsx";
import { Empty, ExportLink, factsOf, Figure, NextPage, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callTotals, callUpTo, jsonAddress } from "../shared/json.ts";
import { page } from "../shared/page.tsx";
import { readers, withQuery, type Web } from "../shared/web.ts";
import { creativeAddress, rtb, type Creative, type CreativeTotals } from "./answers.ts";
import { Cards } from "./creative-cards.tsx";
import { creativeQuery, readFacets, Toolbar, type CreativeQuery } from "./creative-filters.tsx";
import { Approval, CampaignLinks, momentOf, SandboxOnce, Trend } from "./marks.tsx";
import { PerformanceBasis } from "./spend-sources.tsx";

/** Up to so many stand on one page as cards, of which the browser lays out what is in sight; more are paged. */
const mostCards = 1_000;
export { currencyOf };

/** Creatives with what they brought: cards to look at, a table to compare. */
export function creativePages(web: Web): void {
  page(web, { url: "/creatives", who: readers, query: creativeQuery }, async (at) => {
    const asked = askedOf(at.query);
    const { slim: _slim, ...filters } = asked.query;
    const [{ items, next }, { totals, json }, facets] = await Promise.all([
      callUpTo<Creative>(web, at, asked, mostCards),
      callTotals<CreativeTotals>(web, at, { path: asked.path, query: filters }),
      readFacets(web, at),
    ]);
    const currency = currencyOf(at.parts, at.viewer.client);
    const isTable = at.query.view === "table";
    return {
      title: "Creatives",
      scripts: isTable ? [] : ["sort.js"],
      body: (
        <>
          <PageHead
            title="Creatives"
            lead={
              <>
                Amounts in {currency}, <PerformanceBasis />. <SandboxOnce of={items} />
              </>
            }
          >
            <a class="button" href="/campaigns">
              Campaigns
            </a>
            <a class="button" href="/waste">
              Waste
            </a>
            <a class="button" href="/seats">
              Seats
            </a>
            <a class="button" href={withQuery(at.url, { view: isTable ? null : "table" })}>
              {isTable ? "Cards" : "Table"}
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <Toolbar at={at} facets={facets} />
          <Totals of={totals} json={json} currency={currency} />
          {items.length === 0 ? (
            <Empty title="No creative is like this">
              Choose other filters, or <a href="/files">import a file</a>.
            </Empty>
          ) : isTable ? (
            <Table
              columns={columnsFor(currency, areAllSandbox(items))}
              rows={items}
              caption="Creatives"
              zone={at.zone}
              url={at.url}
              sort={at.query.sort ?? "spend"}
              json={
                next === null && items.length <= 500
                  ? { url: jsonAddress(asked.path, { ...asked.query, limit: 500 }), path: "items" }
                  : undefined
              }
            />
          ) : (
            <Cards items={items} currency={currency} />
          )}
          <NextPage url={at.url} next={next} />
        </>
      ),
    };
  });

  exportList(web, { url: "/creatives.csv", who: readers, query: creativeQuery }, (at) => ({
    name: `creatives-${at.query.period ?? "7d"}.csv`,
    ...askedOf(at.query),
    columns: [...columnsFor(currencyOf(at.parts, at.viewer.client)), originColumn],
  }));
}

/** What the filters leave in all, in the period. */
function Totals({ of, json, currency }: { of: CreativeTotals; json: string; currency: string }) {
  const fact = factsOf(json);
  const ratio = (label: string, field: "cpc" | "cpm", why: string) => (
    <Figure label={label} value={of[field] ?? <None why={why} />} fact={fact(field, of[field])} />
  );
  return (
    <div class="cards">
      <Figure label="Creatives" value={countText(of.creatives)} fact={fact("creatives", of.creatives)} />
      <Figure label="Spend" value={moneyText(of.spend, currency)} fact={fact("spend", of.spend)} />
      <Figure label="Impressions" value={countText(of.impressions)} fact={fact("impressions", of.impressions)} />
      <Figure label="Clicks" value={countText(of.clicks)} fact={fact("clicks", of.clicks)} />
      {ratio("CPC", "cpc", "no clicks")}
      {ratio("CPM", "cpm", "no impressions")}
    </div>
  );
}

/** The JSON route with the filters of the page. */
const askedOf = ({ view: _view, ...filters }: CreativeQuery) => ({
  path: `${rtb}/creatives`,
  query: { ...filters, slim: "true" },
});

function columnsFor(currency: string, isOneBadge = false): Column<Creative>[] {
  return [
    {
      name: "creativeId",
      label: "Creative",
      kind: "text",
      sorts: { up: "id" },
      value: (row) => row.creativeId,
      show: (row) => (
        <>
          <a href={creativeAddress(row)}>{row.creativeId}</a> {isOneBadge ? null : <Origin of={row.origin} />}
        </>
      ),
    },
    moneyIn<Creative>(currency)("performance.spend", "Spend", ({ performance }) => performance.spend, {
      sorts: { down: "spend" },
    }),
    {
      name: "performance.impressions",
      label: "Impressions",
      kind: "count",
      value: ({ performance }) => performance.impressions,
    },
    { name: "performance.clicks", label: "Clicks", kind: "count", value: ({ performance }) => performance.clicks },
    {
      name: "performance.cpc",
      label: "CPC",
      kind: "ratio",
      sorts: { up: "cpc" },
      value: ({ performance }) => performance.cpc,
      why: () => "no clicks",
    },
    {
      name: "performance.cpm",
      label: "CPM",
      kind: "ratio",
      sorts: { up: "cpm" },
      value: ({ performance }) => performance.cpm,
      why: () => "no impressions",
    },
    {
      name: "performance.trend",
      label: "Trend, without today",
      kind: "percent",
      value: ({ performance }) => performance.trend,
      show: ({ performance }) => <Trend trend={performance.trend} />,
      isExtra: true,
    },
    {
      name: "performance.tier",
      label: "Tier",
      kind: "text",
      value: ({ performance }) => performance.tier,
      isExtra: true,
    },
    {
      name: "performance.topGeography",
      label: "Top country",
      kind: "text",
      value: ({ performance }) => performance.topGeography,
      isExtra: true,
    },
    ...catalogueColumns,
  ];
}

/** What it is and whose, by the exchange. */
const catalogueColumns: Column<Creative>[] = [
  {
    name: "advertiserName",
    label: "Advertiser",
    kind: "text",
    value: (row) => row.advertiserName,
    why: () => "the exchange names none",
    isExtra: true,
  },
  {
    name: "campaigns",
    label: "Campaign",
    kind: "text",
    value: ({ campaigns }) => campaigns.map(({ campaignName }) => campaignName).join("; ") || null,
    show: ({ campaigns }) => <CampaignLinks of={campaigns} />,
    isLocal: true,
    isExtra: true,
  },
  {
    name: "approvalStatus",
    label: "Approval",
    kind: "text",
    value: (row) => row.approvalStatus,
    show: (row) => <Approval of={row.approvalStatus} />,
  },
  {
    name: "vanishedAt",
    label: "Vanished",
    kind: "moment",
    value: (row) => momentOf(row.vanishedAt),
    why: () => "the exchange still lists it, or never did",
    isExtra: true,
  },
  { name: "format", label: "Format", kind: "text", value: (row) => row.format, isExtra: true },
  { name: "canonicalSize", label: "Size", kind: "text", value: (row) => row.canonicalSize, isExtra: true },
  { name: "buyerId", label: "Seat", kind: "text", value: (row) => row.buyerId, isExtra: true },
];
