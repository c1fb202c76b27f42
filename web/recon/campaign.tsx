import { countText, moneyText, Name, None } from "../components/format.tsx";
import { Fact, factsOf, Figure, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { get, page, param } from "../shared/page.tsx";
import type { Web } from "../shared/web.ts";
import { recon, type CampaignDashboard } from "./answers.ts";
import { VerdictBadge } from "./verdicts.tsx";

type Platform = CampaignDashboard["platforms"][number];
type VerdictRow = CampaignDashboard["verdicts"][number];
const metrics = ["views", "clicks", "conversions"] as const;

/** A campaign: claimed beside verified, by platform and by level, and what was spent. */
export function campaignPage(web: Web): void {
  const who = ["admin", "operator", "analyst", "advertiser"] as const;
  page(web, { url: "/reconciliation/campaigns/:id", who }, async (at) => {
    const json = `${recon}/dashboard/campaigns/${param(at, "id")}`;
    const campaign = await get<CampaignDashboard>(web, at.request, json);
    const queue = (filters: string) => `/reconciliation/queue?campaign=${campaign.campaignId}${filters}`;
    return {
      title: campaign.name,
      body: (
        <>
          <PageHead
            title={campaign.name}
            lead={
              <>
                Advertiser <Name of={campaign.advertiserId} />, {campaign.status}
              </>
            }
          >
            <a class="button" href={queue("")}>
              Its claims
            </a>
          </PageHead>
          <Totals campaign={campaign} json={json} />
          <div class="stacked">
            <section aria-labelledby="platforms">
              <h2 id="platforms">By platform</h2>
              <Table
                columns={platformColumns}
                rows={campaign.platforms}
                caption="By platform"
                zone={at.zone}
                json={{ url: json, path: "platforms" }}
              />
            </section>
            <section aria-labelledby="verdicts">
              <h2 id="verdicts">By verdict</h2>
              <Table
                columns={verdictColumns(queue)}
                rows={campaign.verdicts}
                caption="By verdict"
                zone={at.zone}
                json={{ url: json, path: "verdicts" }}
              />
            </section>
          </div>
        </>
      ),
    };
  });
}

function Totals({ campaign, json }: { campaign: CampaignDashboard; json: string }) {
  const fact = factsOf(json);
  return (
    <div class="cards">
      {metrics.map((metric) => {
        const { claimed, verified, differencePct } = campaign.totals[metric];
        const of = (field: string) => `totals.${metric}.${field}`;
        return (
          <Figure
            key={metric}
            label={`${metric.charAt(0).toUpperCase()}${metric.slice(1)} claimed`}
            value={countText(claimed)}
            fact={fact(of("claimed"), claimed)}
          >
            {verified === null ? (
              "the platforms do not say"
            ) : (
              <>
                <Fact of={fact(of("verified"), verified)}>{countText(verified)}</Fact> verified
              </>
            )}
            {differencePct === null ? null : (
              <>
                , <Fact of={fact(of("differencePct"), differencePct)}>{differencePct} %</Fact> beyond it
              </>
            )}
          </Figure>
        );
      })}
      {campaign.spend.map(({ currency, spend, posts }, index) => (
        <Figure
          key={currency}
          label={`Spend in ${currency}`}
          value={moneyText(spend, currency)}
          fact={fact(`spend.${index}.spend`, spend)}
        >
          <Fact of={fact(`spend.${index}.posts`, posts)}>{countText(posts)}</Fact> posts
        </Figure>
      ))}
    </div>
  );
}

const platformColumns: readonly Column<Platform>[] = [
  { name: "platform", label: "Platform", kind: "text", value: ({ platform }) => platform },
  { name: "posts", label: "Posts", kind: "count", value: ({ posts }) => posts },
  ...metrics.flatMap((metric): Column<Platform>[] => [
    {
      name: `${metric}.comparable`,
      label: `${metric} claimed`,
      kind: "count",
      value: (row) => row[metric].comparable,
      isExtra: metric !== "views",
    },
    {
      name: `${metric}.verified`,
      label: "verified",
      kind: "count",
      value: (row) => row[metric].verified,
      why: () => "the platform does not say",
      isExtra: metric !== "views",
    },
  ]),
];

function verdictColumns(queue: (filters: string) => string): Column<VerdictRow>[] {
  return [
    {
      name: "verdict",
      label: "Verdict",
      kind: "text",
      value: ({ verdict }) => verdict,
      show: ({ verdict, level }) => <VerdictBadge verdict={verdict} level={level} />,
    },
    {
      name: "reports",
      label: "Claims",
      kind: "count",
      value: ({ reports }) => reports,
      show: ({ reports, verdict, level }) => (
        <a
          href={queue(
            verdict === null ? "&judged=false" : `&verdict=${verdict}${level === null ? "" : `&level=${level}`}`,
          )}
        >
          {countText(reports)}
        </a>
      ),
    },
    {
      name: "sharePct",
      label: "Share",
      kind: "percent",
      value: ({ sharePct }) => sharePct,
      show: ({ sharePct }) => (sharePct === null ? <None why={null} /> : `${sharePct} %`),
    },
  ];
}
