import { z } from "zod";
import { opportunityOrders } from "../../queries/intelligence/opportunities.ts";
import { opportunityTypes } from "../../rules/intelligence/opportunity-cells.ts";
import { opportunityStates } from "../../rules/intelligence/opportunity-states.ts";
import { caution } from "../../rules/intelligence/opportunity-words.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { areAllSandbox, countText, Moment, moneyText, Origin } from "../components/format.tsx";
import { Filters, type Filter } from "../components/filters.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { Running, searchQuery, State, stateWord } from "../components/listed-states.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, Fact, factsOf, Figure, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, jsonAddress } from "../shared/json.ts";
import { call, form, get, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { currencyOf } from "../rtb/creatives.tsx";
import { SandboxOnce } from "../rtb/marks.tsx";
import { opportunities, type LastSearch, type Opportunity, type OpportunityTotals } from "./answers.ts";
import { confidenceText, Insight, typeWords } from "./opportunity-words.tsx";

const filters = {
  type: z.enum(opportunityTypes).or(z.literal("")).optional(),
  state: z.enum([...opportunityStates, "open", "all", ""]).optional(),
  blocked: z.enum(["true", "false", ""]).optional(),
  min_savings: z.string().max(20).optional(),
  campaign_id: z.string().max(20).optional(),
};
const inOrder = sortedQuery(opportunityOrders);
const exportQuery = { ...filters, sort: inOrder.sort };
const query = {
  ...exportQuery,
  cursor: inOrder.cursor,
  ...searchQuery,
};
type Query = z.output<z.ZodObject<typeof query>>;

/** Filters that are left empty are none. */
const chosen = ({ type, state, blocked, min_savings: least, campaign_id: campaign }: Partial<Query>) => ({
  type: type || undefined,
  state: state || undefined,
  blocked: blocked || undefined,
  min_savings: least || undefined,
  campaign_id: campaign || undefined,
});

/** What could be bought for less, as a grid: the greatest savings first. */
export function opportunityPages(web: Web): void {
  page(web, { url: "/opportunities", who: readers, query }, async (at) => {
    const asked = chosen(at.query);
    const totalsUrl = jsonAddress(`${opportunities}/totals`, asked);
    const [list, totals, { last }] = await Promise.all([
      callList<Opportunity>(web, at, {
        path: opportunities,
        query: { ...asked, sort: at.query.sort, cursor: at.query.cursor },
      }),
      get<OpportunityTotals>(web, at.request, totalsUrl),
      get<{ last: LastSearch | null }>(web, at.request, `${opportunities}/search`),
    ]);
    const currency = currencyOf(at.parts, at.viewer.client);
    return {
      title: "Opportunities",
      body: (
        <>
          <PageHead
            title="Opportunities"
            lead={
              <>
                What could be bought for less, amounts in {currency}. <SandboxOnce of={list.items} />
              </>
            }
          >
            <a class="button" href="/opportunities/countries">
              Countries
            </a>
            <a class="button" href="/opportunities/scorecard">
              Was it right?
            </a>
            {at.viewer.isKeeper ? (
              <form method="post" action="/opportunities/search">
                <button type="submit">Look again</button>
              </form>
            ) : null}
            <ExportLink url={at.url} without={["running", "since"]} />
          </PageHead>
          <Running {...at.query} parts={at.parts} lastAt={last?.at} />
          <Totals of={totals} url={totalsUrl} currency={currency} />
          <Searched at={at} last={last} />
          <Filters url={at.url} filters={shownFilters} />
          <ListTable
            at={at}
            list={list}
            orders={opportunityOrders}
            columns={columnsFor(currency, areAllSandbox(list.items))}
            caption="Opportunities"
            empty={<NothingFound last={last} isFiltered={Object.values(asked).some((value) => value !== undefined)} />}
          />
          <p class="quiet">{caution}</p>
        </>
      ),
    };
  });

  exportList(web, { url: "/opportunities.csv", who: readers, query: exportQuery }, (at) => ({
    name: "opportunities.csv",
    path: opportunities,
    query: { ...chosen(at.query), sort: at.query.sort },
    columns: [...columnsFor(currencyOf(at.parts, at.viewer.client)), ...fileColumns, originColumn],
  }));

  form(web, { url: "/opportunities/search", who: keepers, body: z.object({}) }, async ({ request }) => {
    // Taken before it is asked for: a search that is over at once ended after it.
    const since = new Date().toISOString();
    const { body } = await call<{ workflowId: string }>(web, request, {
      method: "POST",
      url: `${opportunities}/search`,
    });
    return `/opportunities?${new URLSearchParams({ running: body.workflowId, since })}`;
  });
}

const kinds = [["", "all"], ...opportunityTypes.map((type) => [type, typeWords[type]] as const)] as const;
const stateChoices = [
  ["", "open: new, seen, planned"],
  ...opportunityStates.map((state) => [state, stateWord(state)] as const),
  ["all", "all"],
] as const;

const shownFilters: Filter[] = [
  { name: "type", label: "Kind", kind: "choice", choices: kinds },
  { name: "state", label: "State", kind: "choice", choices: stateChoices },
  {
    name: "blocked",
    label: "Quality",
    kind: "choice",
    choices: [
      ["", "recommended only"],
      ["true", "also of poor quality"],
    ],
  },
  { name: "min_savings", label: "Saves at least a week", kind: "text" },
];

function Totals({ of, url, currency }: { of: OpportunityTotals; url: string; currency: string }) {
  const fact = factsOf(url);
  return (
    <div class="cards">
      <Figure label="Opportunities" value={countText(of.count)} fact={fact("count", of.count)} />
      <Figure
        label="Save a week, in all"
        value={moneyText(of.savingsWeekly, currency)}
        fact={fact("savingsWeekly", of.savingsWeekly)}
      >
        each on its own: two of one campaign may not add up
      </Figure>
      <Figure
        label="At the least"
        value={moneyText(of.savingsWeeklyLow, currency)}
        fact={fact("savingsWeeklyLow", of.savingsWeeklyLow)}
      >
        by prices that are at most to be feared
      </Figure>
    </div>
  );
}

function Searched({ at, last }: { at: At<Query>; last: LastSearch | null }) {
  if (last === null) return null;
  const fact = factsOf(`${opportunities}/search`);
  return (
    <>
      <p class="quiet">
        Last looked for <Moment at={new Date(last.at)} zone={at.zone} />: {last.windowFrom} to {last.windowTo},{" "}
        <Fact of={fact("last.tested", last.tested)}>{countText(last.tested)}</Fact> parts of{" "}
        <Fact of={fact("last.campaigns", last.campaigns)}>{countText(last.campaigns)}</Fact> campaigns tested,{" "}
        <WorkflowLink parts={at.parts} workflowId={last.workflowId} runId={last.runId}>
          its workflow
        </WorkflowLink>
        .
      </p>
      <details>
        <summary>How sure is it?</summary>
        <p>{last.method}</p>
      </details>
    </>
  );
}

function NothingFound({ last, isFiltered }: { last: LastSearch | null; isFiltered: boolean }) {
  if (isFiltered)
    return (
      <Empty title="Nothing under these filters">
        <a href="/opportunities">Without filters</a>
      </Empty>
    );
  return last === null ? (
    <Empty title="Not looked for yet">
      It needs <a href="/campaigns">campaigns</a> and <a href="/files">files</a> of their performance; then “Look
      again”, or wait a quarter of an hour.
    </Empty>
  ) : (
    <Empty title="Nothing is clearly cheaper than the rest">
      {countText(last.tested)} parts were tested. With more days and clicks more can be told.
    </Empty>
  );
}

function columnsFor(currency: string, isOneBadge = false): Column<Opportunity>[] {
  const money = moneyIn<Opportunity>(currency);
  return [
    {
      name: "campaignName",
      label: "Campaign",
      kind: "text",
      value: (row) => row.campaignName,
      show: ({ campaignId, campaignName, origin }) => (
        <>
          <a href={`/campaigns/${campaignId}`}>{campaignName ?? `campaign ${campaignId}`}</a>{" "}
          {isOneBadge ? null : <Origin of={origin} />}
        </>
      ),
    },
    {
      name: "type",
      label: "Insight",
      kind: "text",
      isLong: true,
      value: (row) => row.type,
      show: (row) => (
        <>
          <a href={`/opportunities/${row.opportunityId}`}>
            <Insight of={row} />
          </a>
          {row.blockedBy === null ? null : <span class="quiet"> Not recommended: {row.blockedBy}</span>}
        </>
      ),
    },
    { name: "current", label: "CPC now", kind: "ratio", value: (row) => row.current },
    { name: "reference", label: "CPC of the rest", kind: "ratio", value: (row) => row.reference },
    money("savingsWeekly", "Saves a week", (row) => row.savingsWeekly),
    money("savingsWeeklyLow", "At the least", (row) => row.savingsWeeklyLow),
    {
      name: "confidence",
      label: "Confidence",
      kind: "ratio",
      value: (row) => row.confidence,
      show: ({ confidence }) => confidenceText(confidence),
      isExtra: true,
    },
    {
      name: "state",
      label: "State",
      kind: "text",
      value: (row) => row.state,
      show: (row) => <State of={row} />,
    },
  ];
}

const fileOnly = (name: keyof Opportunity): Column<Opportunity> => ({
  name,
  label: name,
  kind: "text",
  value: (row) => row[name],
});
const fileColumns = (
  [
    ...(["opportunityId", "campaignId", "geography", "size", "creativeId", "recommendation", "basis"] as const),
    ...(["currentSpendWeekly", "targetSpendWeekly", "blockedBy", "windowFrom", "windowTo", "stateReason"] as const),
  ] satisfies (keyof Opportunity)[]
).map(fileOnly);
