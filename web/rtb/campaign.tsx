import { z } from "zod";
import { memberOrders } from "../../queries/intelligence/campaign-details.ts";
import { periods } from "../../queries/rtb/rollups.ts";
import { moneyIn } from "../components/columns.ts";
import { Badge, countText, moneyText, Name, None, Origin } from "../components/format.tsx";
import { Count, Empty, Fact, factsOf, Figure, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { callList, type JsonPage } from "../shared/json.ts";
import { get, page, param } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { readers, type At, type Web } from "../shared/web.ts";
import { creativeAddress, rtb, type CampaignDetails, type Facets, type Grouping, type Member } from "./answers.ts";
import { campaignForms, ChangeForms } from "./campaign-forms.tsx";
import { Members, membersExport, membersPath } from "./campaign-members.tsx";
import { Periods, readFacets } from "./creative-filters.tsx";
import { currencyOf } from "./creatives.tsx";
import { Decisions } from "./decisions.tsx";
import { anchorText, Confidence, DecidedBy, variantsText } from "./grouping-words.tsx";
import { countryName, Share, Trend } from "./marks.tsx";
import { PerformanceBasis } from "./spend-sources.tsx";

type Geography = CampaignDetails["geographies"][number];
const membersOfPage = 100;

/** One campaign: what it brought, who is in it and why, and what people decided about it. */
export function campaignPage(web: Web): void {
  const { sort: order, cursor: members } = sortedQuery(memberOrders);
  const query = { period: z.enum(periods).optional(), sortMembers: order, members };
  page(web, { url: "/campaigns/:id", who: readers, query }, async (at) => {
    const own = `${rtb}/campaigns/${param(at, "id")}`;
    const json = `${own}?period=${at.query.period ?? "7d"}`;
    const [found, grouping, members, facets] = await Promise.all([
      get<CampaignDetails>(web, at.request, json),
      get<Grouping>(web, at.request, `${own}/grouping`),
      callList<Member>(web, at, {
        path: membersPath(at),
        query: { sort: at.query.sortMembers, cursor: at.query.members, limit: membersOfPage },
      }),
      at.viewer.isKeeper ? readFacets(web, at) : null,
    ]);
    // Merged into another one, its old address leads there.
    if (found.askedFor !== null)
      return at.reply.code(301).header("location", `/campaigns/${found.campaignId}${at.url.search}`).send();
    const currency = currencyOf(at.parts, at.viewer.client);
    return {
      title: found.campaignName,
      body: (
        <>
          <PageHead title={found.campaignName} lead={<Lead of={found} grouping={grouping} json={json} />}>
            <a class="button" href={`/creatives?period=all&campaign=${found.campaignId}`}>
              Figures of its creatives
            </a>
          </PageHead>
          <Periods url={at.url} names={periods} chosen={found.performance.period} />
          <Totals of={found} isMerged={mergeOf(grouping) !== undefined} json={json} currency={currency} />
          <TopCreative of={found.topCreative} json={json} />
          <p class="quiet">
            Figures are <PerformanceBasis />.
          </p>
          <Table
            columns={geographyColumns(currency)}
            rows={found.geographies}
            caption="By country, the greatest spend first"
            zone={at.zone}
            json={{ url: json, path: "geographies" }}
            empty={<Empty title="Nothing was spent in this period">Choose a longer one.</Empty>}
          />
          <Whole at={at} found={found} grouping={grouping} members={members} facets={facets} currency={currency} />
        </>
      ),
    };
  });
  membersExport(web);
  campaignForms(web);
}

interface WholeProps {
  at: At<unknown>;
  found: CampaignDetails;
  grouping: Grouping;
  members: JsonPage<Member>;
  facets: Facets | null;
  currency: string;
}

function Whole({ at, found, grouping, members, facets, currency }: WholeProps) {
  const { campaignId } = found;
  const others = facets?.campaigns.filter(({ value }) => value !== String(campaignId)) ?? [];
  return (
    <>
      <Members
        at={at}
        campaign={found}
        members={members}
        others={facets === null ? null : others}
        currency={currency}
      />
      {facets === null ? null : <ChangeForms campaign={found} others={others} />}
      <Decisions
        of={grouping.decisions}
        campaignId={campaignId}
        json={`${rtb}/campaigns/${campaignId}/grouping`}
        zone={at.zone}
      />
    </>
  );
}

const mergeOf = ({ campaignId, decisions }: Grouping) =>
  decisions.find((one) => one.kind === "merged" && one.campaignId === campaignId);

function MergedBy({ of }: { of: Grouping }) {
  const merge = mergeOf(of);
  if (merge === undefined) return null;
  return (
    <>
      , put together by <Badge tone="good">a person</Badge> (<Name of={merge.actor} />)
    </>
  );
}

function Lead({ of, grouping, json }: { of: CampaignDetails; grouping: Grouping; json: string }) {
  const { creatives, origin, genre, isGenrePersons } = of;
  const about = anchorText(grouping.anchor);
  const variants = variantsText(grouping.variants);
  return (
    <>
      <span>
        <Count json={json} field="creatives" of={creatives} /> {creatives === 1 ? "creative" : "creatives"}, named by{" "}
        <DecidedBy of={grouping} />
        <MergedBy of={grouping} /> <Origin of={origin} />{" "}
        {grouping.isClustered ? null : <Badge tone="note">left alone by grouping</Badge>}
      </span>
      {" · "}
      {genre === null ? (
        "genre unclassified"
      ) : (
        <>
          genre <Name of={genre} />
          {isGenrePersons ? " (set by a person)" : ""}
        </>
      )}
      {about === null ? null : (
        <>
          {" · "}
          <Name of={about} />
        </>
      )}
      {variants === "" ? null : (
        <>
          {" · "}
          <Name of={variants} />
        </>
      )}
    </>
  );
}

interface TotalsOf {
  of: CampaignDetails;
  isMerged: boolean;
  json: string;
  currency: string;
}

function Totals({ of: found, isMerged, json, currency }: TotalsOf) {
  const { performance: of } = found;
  const fact = (field: "spend" | "impressions" | "clicks" | "cpc" | "cpm") => ({
    json,
    field: `performance.${field}`,
    value: String(of[field] ?? ""),
  });
  const ours = (field: "confidenceScore" | "modelConfidence") => ({ json, field, value: String(found[field] ?? "") });
  return (
    <div class="cards">
      <Figure label="Spend" value={moneyText(of.spend, currency)} fact={fact("spend")}>
        {of.period === "all" ? null : (
          <>
            <Trend trend={of.trend} />, without today
          </>
        )}
      </Figure>
      <Figure label="Impressions" value={countText(of.impressions)} fact={fact("impressions")} />
      <Figure label="Clicks" value={countText(of.clicks)} fact={fact("clicks")} />
      <Figure label="CPC" value={of.cpc ?? <None why="no clicks" />} fact={fact("cpc")} />
      <Figure label="CPM" value={of.cpm ?? <None why="no impressions" />} fact={fact("cpm")} />
      <Figure
        label="Confidence"
        value={<Confidence of={found.confidenceScore} why={found.isClustered ? "no grouping yet" : "people made it"} />}
        fact={ours("confidenceScore")}
      >
        {isMerged && found.confidenceScore !== null ? "of what rules joined; a person merged it. " : null}
        {found.modelConfidence === null ? null : <>the model says {found.modelConfidence.toFixed(2)}</>}
      </Figure>
    </div>
  );
}

function TopCreative({ of, json }: { of: CampaignDetails["topCreative"]; json: string }) {
  if (of === null) return null;
  return (
    <p class="quiet">
      Most was spent on <a href={creativeAddress(of)}>{of.creativeId}</a>
      {of.share === null ? null : (
        <>
          , <Fact of={factsOf(json)("topCreative.share", of.share)}>{of.share} %</Fact> of its spend
        </>
      )}
      .
    </p>
  );
}

function geographyColumns(currency: string): Column<Geography>[] {
  return [
    {
      name: "geography",
      label: "Country",
      kind: "text",
      value: (row) => row.geography,
      show: ({ geography }) =>
        geography === null ? (
          <None why="the files name none" />
        ) : (
          <>
            {countryName(geography)} <span class="quiet">{geography}</span>
          </>
        ),
    },
    moneyIn<Geography>(currency)("spend", "Spend", (row) => row.spend),
    {
      name: "share",
      label: "Share",
      kind: "percent",
      value: (row) => row.share,
      show: ({ share, geography }) =>
        share === null ? <None why={null} /> : <Share percent={share} of={geography ?? "unknown"} />,
    },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    { name: "cpc", label: "CPC", kind: "ratio", value: (row) => row.cpc, why: () => "no clicks" },
    { name: "cpm", label: "CPM", kind: "ratio", value: (row) => row.cpm, why: () => "no impressions", isExtra: true },
  ];
}
