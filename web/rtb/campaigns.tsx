import { z } from "zod";
import { bySpendOf, campaignOrders, campaignPeriods } from "../../queries/rtb/list-campaigns.ts";
import { clusterProviders } from "../../settings/clusters.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { areAllSandbox, countText, moneyText, Origin } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, factsOf, Figure, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, type Listed } from "../shared/json.ts";
import { call, form, get, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type Web } from "../shared/web.ts";
import { rtb, type Campaign, type CampaignTotals, type Clustered, type ClusterRun } from "./answers.ts";
import { GroupForm, LastRun, Running } from "./cluster-run.tsx";
import { Periods } from "./creative-filters.tsx";
import { currencyOf } from "./creatives.tsx";
import { Confidence, DecidedBy } from "./grouping-words.tsx";
import { SandboxOnce } from "./marks.tsx";
import { PerformanceBasis } from "./spend-sources.tsx";

const query = {
  period: z.enum(campaignPeriods).optional(),
  ...sortedQuery(campaignOrders),
  /** What was just asked for: its workflow, and since when it is awaited. */
  running: z.string().max(500).optional(),
  since: z.iso.datetime().optional(),
};
const exportQuery = { period: query.period, sort: query.sort };

const campaigns = `${rtb}/campaigns`;

const runs = `${rtb}/campaigns/cluster/runs?limit=1`;

/** Campaigns of creatives: what each brought, what joins them, and the last grouping. */
export function campaignPages(web: Web): void {
  page(web, { url: "/campaigns", who: readers, query }, async (at) => {
    const { period = "7d", sort, cursor } = at.query;
    const [list, { totals, json }, { items: last }] = await Promise.all([
      callList<Campaign>(web, at, { path: campaigns, query: { period, sort, cursor } }),
      callTotals<CampaignTotals>(web, at, { path: campaigns, query: {} }),
      get<Listed<ClusterRun>>(web, at.request, runs),
    ]);
    const [run = null] = last;
    const currency = currencyOf(at.parts, at.viewer.client);
    return {
      title: "Campaigns",
      body: (
        <>
          <PageHead
            title="Campaigns"
            lead={
              <>
                Creatives grouped by what they advertise, amounts in {currency}, <PerformanceBasis />.{" "}
                <SandboxOnce of={list.items} />
              </>
            }
          >
            <a class="button" href="/creatives">
              Creatives
            </a>
            {at.viewer.isKeeper ? <KeeperActions /> : null}
            <ExportLink url={at.url} without={["running", "since"]} />
          </PageHead>
          <Running at={at} last={run} />
          {run === null ? null : <LastRun at={at} last={run} json={runs} />}
          <Periods url={at.url} names={campaignPeriods} chosen={period} />
          <Totals of={totals} json={json} period={period} currency={currency} />
          <ListTable
            at={at}
            list={list}
            orders={{ ...campaignOrders, usual: bySpendOf[period] }}
            columns={columnsFor(currency, areAllSandbox(list.items))}
            caption="Campaigns"
            empty={
              <Empty title="No campaign yet">
                {at.viewer.isKeeper ? "“Group again” makes them of" : "An operator groups"} the creatives that{" "}
                <a href="/seats">seats</a> have; or load your own: <code>PUT {campaigns}</code>
              </Empty>
            }
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/campaigns.csv", who: readers, query: exportQuery }, (at) => ({
    name: "campaigns.csv",
    path: campaigns,
    query: at.query,
    columns: [...columnsFor(currencyOf(at.parts, at.viewer.client)), originColumn],
  }));

  form(web, { url: "/campaigns/refresh", who: keepers, body: z.object({}) }, async ({ request }) => {
    await call(web, request, { method: "POST", url: `${rtb}/campaigns/refresh` });
    return "/campaigns";
  });

  const asked = z.object({ ai_provider: z.enum(clusterProviders).optional() });
  form(web, { url: "/campaigns/cluster", who: keepers, body: asked }, async ({ request }, body) => {
    // Taken before it is asked for: a run that is over at once ended after it.
    const since = new Date().toISOString();
    const { body: answer } = await call<Clustered | { workflowId: string }>(web, request, {
      method: "POST",
      url: `${campaigns}/cluster`,
      body,
    });
    return `/campaigns?${new URLSearchParams({ running: answer.workflowId, since })}`;
  });
}

const spendOf = {
  "7d": ["spend7d", "Spend, 7 days"],
  "30d": ["spend30d", "Spend, 30 days"],
  all: ["spendAllTime", "Spend, all days"],
} as const;

interface TotalsProps {
  of: CampaignTotals;
  json: string;
  period: keyof typeof spendOf;
  currency: string;
}

function Totals({ of, json, period, currency }: TotalsProps) {
  const fact = factsOf(json);
  const [field, label] = spendOf[period];
  return (
    <div class="cards">
      <Figure label="Campaigns" value={countText(of.campaigns)} fact={fact("campaigns", of.campaigns)} />
      <Figure label="Creatives in them" value={countText(of.creatives)} fact={fact("creatives", of.creatives)} />
      <Figure label={label} value={moneyText(of[field], currency)} fact={fact(field, of[field])}>
        of creatives, each once
      </Figure>
    </div>
  );
}

function KeeperActions() {
  return (
    <>
      <a class="button" href="/campaigns/suggestions">
        Suggestions
      </a>
      <form method="post" action="/campaigns/refresh">
        <button type="submit">Add up again</button>
      </form>
      <GroupForm />
    </>
  );
}

function columnsFor(currency: string, isOneBadge = false): Column<Campaign>[] {
  const money = moneyIn<Campaign>(currency);
  return [
    {
      name: "campaignName",
      label: "Campaign",
      kind: "text",
      value: (row) => row.campaignName,
      show: ({ campaignId, campaignName, origin }) => (
        <>
          <a href={`/campaigns/${campaignId}`}>{campaignName}</a> {isOneBadge ? null : <Origin of={origin} />}
        </>
      ),
    },
    {
      name: "namedBy",
      label: "Named by",
      kind: "text",
      value: (row) => row.namedBy,
      show: (row) => <DecidedBy of={row} />,
    },
    {
      name: "confidenceScore",
      label: "Confidence",
      kind: "ratio",
      value: (row) => row.confidenceScore,
      show: ({ confidenceScore, isClustered }) => (
        <Confidence of={confidenceScore} why={isClustered ? "no grouping yet" : "people made it"} />
      ),
    },
    {
      name: "modelConfidence",
      label: "Model's figure",
      kind: "ratio",
      value: (row) => row.modelConfidence,
      show: (row) => <Confidence of={row.modelConfidence} why="no model named it" />,
      isExtra: true,
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
