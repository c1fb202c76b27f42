import { z } from "zod";
import { campaignPeriods } from "../../queries/rtb/campaigns.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { ShareBar } from "../components/charts.tsx";
import { countText, moneyText, None, Origin } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, Figure, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList } from "../shared/json.ts";
import { call, form, get, page, param } from "../shared/page.tsx";
import { keepers, readers, withQuery, type At, type Web } from "../shared/web.ts";
import { creativeAddress, rtb, type Campaign, type CampaignDetails } from "./answers.ts";
import { currencyOf } from "./creatives.tsx";
import { Trend } from "./marks.tsx";

const query = { period: z.enum(campaignPeriods).optional(), cursor: z.string().max(1_000).optional() };
type Query = z.output<z.ZodObject<typeof query>>;
const names: Record<(typeof campaignPeriods)[number], [string, string]> = {
  "7d": ["7 days", "w"],
  "30d": ["30 days", "m"],
  all: ["All days", "a"],
};

const campaigns = `${rtb}/campaigns`;

/** Campaigns of creatives, and what each brought by country. */
export function campaignPages(web: Web): void {
  page(web, { url: "/campaigns", who: readers, query }, async (at) => {
    const list = await callList<Campaign>(web, at, { path: campaigns, query: at.query });
    const currency = currencyOf(at.parts, at.viewer.client);
    return {
      title: "Campaigns",
      body: (
        <>
          <PageHead title="Campaigns" lead="Groups of creatives.">
            {at.viewer.isKeeper ? (
              <form method="post" action="/campaigns/refresh">
                <button type="submit">Add up again</button>
              </form>
            ) : null}
            <ExportLink url={at.url} />
          </PageHead>
          <Periods at={at} />
          <ListTable
            at={at}
            list={list}
            columns={columnsFor(currency)}
            caption="Campaigns, the greatest spend first"
            empty={
              <Empty title="No campaign yet">
                Create one: <code>PUT {rtb}/campaigns</code>
              </Empty>
            }
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/campaigns.csv", who: readers, query }, (at) => ({
    name: "campaigns.csv",
    path: campaigns,
    query: at.query,
    columns: [...columnsFor(currencyOf(at.parts, at.viewer.client)), originColumn],
  }));

  form(web, { url: "/campaigns/refresh", who: keepers, body: z.object({}) }, async ({ request }) => {
    await call(web, request, { method: "POST", url: `${rtb}/campaigns/refresh` });
    return "/campaigns";
  });

  campaignPage(web);
}

function Periods({ at }: { at: At<Query> }) {
  return (
    <div class="period" role="group" aria-label="Period">
      {campaignPeriods.map((name) => (
        <a
          key={name}
          href={withQuery(at.url, { period: name })}
          data-key={names[name][1]}
          aria-current={(at.query.period ?? "7d") === name ? "true" : undefined}
        >
          {names[name][0]}
        </a>
      ))}
    </div>
  );
}

function columnsFor(currency: string): Column<Campaign>[] {
  const money = moneyIn<Campaign>(currency);
  return [
    {
      name: "campaignName",
      label: "Campaign",
      kind: "text",
      value: (row) => row.campaignName,
      show: ({ campaignId, campaignName, origin }) => (
        <>
          <a href={`/campaigns/${campaignId}`}>{campaignName}</a> <Origin of={origin} />
        </>
      ),
    },
    { name: "creatives", label: "Creatives", kind: "count", value: (row) => row.creatives },
    money("totalSpend7d", "7 days", (row) => row.totalSpend7d),
    money("totalSpend30d", "30 days", (row) => row.totalSpend30d),
    { ...money("totalSpendAllTime", "All days", (row) => row.totalSpendAllTime), isExtra: true },
    { name: "avgCpc7d", label: "CPC, 7 days", kind: "ratio", value: (row) => row.avgCpc7d, why: () => "no clicks" },
    {
      name: "avgCpm7d",
      label: "CPM, 7 days",
      kind: "ratio",
      value: (row) => row.avgCpm7d,
      why: () => "no impressions",
      isExtra: true,
    },
    { name: "topGeography", label: "Top country", kind: "text", value: (row) => row.topGeography, isExtra: true },
    { name: "topDeviceType", label: "Top device", kind: "text", value: (row) => row.topDeviceType, isExtra: true },
  ];
}

type Geography = CampaignDetails["geographies"][number];

function campaignPage(web: Web): void {
  const periods = z.enum(["1d", "7d", "30d", "all"]).optional();
  page(web, { url: "/campaigns/:id", who: readers, query: { period: periods } }, async (at) => {
    const json = `${rtb}/campaigns/${param(at, "id")}?period=${at.query.period ?? "7d"}`;
    const found = await get<CampaignDetails>(web, at.request, json);
    const currency = currencyOf(at.parts, at.viewer.client);
    const { performance: of } = found;
    const fact = (field: "spend" | "clicks" | "cpc" | "cpm") => ({
      json,
      field: `performance.${field}`,
      value: String(of[field] ?? ""),
    });
    return {
      title: found.campaignName,
      body: (
        <>
          <PageHead
            title={found.campaignName}
            lead={`${countText(found.creatives)} ${found.creatives === 1 ? "creative" : "creatives"}`}
          >
            <a class="button" href={`/creatives?campaign=${found.campaignId}`}>
              Its creatives
            </a>
          </PageHead>
          <div class="period" role="group" aria-label="Period">
            {(["1d", "7d", "30d", "all"] as const).map((name) => (
              <a
                key={name}
                href={withQuery(at.url, { period: name })}
                aria-current={of.period === name ? "true" : undefined}
              >
                {{ "1d": "Yesterday", "7d": "7 days", "30d": "30 days", all: "All days" }[name]}
              </a>
            ))}
          </div>
          <div class="cards">
            <Figure label="Spend" value={moneyText(of.spend, currency)} fact={fact("spend")}>
              <Trend trend={of.trend} />
            </Figure>
            <Figure label="Clicks" value={countText(of.clicks)} fact={fact("clicks")} />
            <Figure label="CPC" value={of.cpc ?? <None why="no clicks" />} fact={fact("cpc")} />
            <Figure label="CPM" value={of.cpm ?? <None why="no impressions" />} fact={fact("cpm")} />
            {found.topCreative === null ? null : (
              <Figure
                label="Most spent on"
                value={found.topCreative.creativeId}
                href={creativeAddress(found.topCreative)}
              >
                {found.topCreative.share ?? "–"} % of its spend
              </Figure>
            )}
          </div>
          <Table
            columns={geographyColumns(currency)}
            rows={found.geographies}
            caption="By country, the greatest spend first"
            zone={at.zone}
            json={{ url: json, path: "geographies" }}
            empty={<Empty title="Nothing was spent in this period">Choose a longer one.</Empty>}
          />
        </>
      ),
    };
  });
}

function geographyColumns(currency: string): Column<Geography>[] {
  return [
    {
      name: "geography",
      label: "Country",
      kind: "text",
      value: (row) => row.geography,
      why: () => "the files name none",
    },
    moneyIn<Geography>(currency)("spend", "Spend", (row) => row.spend),
    {
      name: "share",
      label: "Share",
      kind: "percent",
      value: (row) => row.share,
      show: ({ share, geography }) =>
        share === null ? (
          <None why={null} />
        ) : (
          <>
            <ShareBar share={share / 100} label={`${geography ?? "unknown"}: ${share} %`} /> {share} %
          </>
        ),
    },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    { name: "cpc", label: "CPC", kind: "ratio", value: (row) => row.cpc, why: () => "no clicks" },
    { name: "cpm", label: "CPM", kind: "ratio", value: (row) => row.cpm, why: () => "no impressions", isExtra: true },
  ];
}
