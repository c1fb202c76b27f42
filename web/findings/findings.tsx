import { z } from "zod";
import { findingOrders } from "../../queries/findings/findings.ts";
import { findingKinds, findingStates } from "../../rules/findings/kinds.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { Filters, type Filter } from "../components/filters.tsx";
import { areAllSandbox, countText, Moment, moneyText, Name, Origin } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { Running, searchQuery, State, stateWord } from "../components/listed-states.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Count, Empty, ExportLink, Fact, factsOf, Figure, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { SandboxOnce } from "../rtb/marks.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, jsonAddress } from "../shared/json.ts";
import { call, form, get, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { findings, type Finding, type FindingTotals, type LastSearch } from "./answers.ts";
import { kindWords } from "./words.ts";

const filters = {
  kind: z.enum(findingKinds).or(z.literal("")).optional(),
  state: z.enum([...findingStates, "open", "all", ""]).optional(),
  min_at_stake: z.string().max(20).optional(),
  currency: z.string().max(3).optional(),
  subject: z.string().max(200).optional(),
};
const inOrder = sortedQuery(findingOrders);
const exportQuery = { ...filters, sort: inOrder.sort };
const query = { ...exportQuery, cursor: inOrder.cursor, ...searchQuery };
type Query = z.output<z.ZodObject<typeof query>>;

/** Filters that are left empty are none. */
const chosen = ({ kind, state, min_at_stake: least, currency, subject }: Partial<Query>) => ({
  kind: kind || undefined,
  state: state || undefined,
  min_at_stake: least || undefined,
  currency: currency || undefined,
  subject: subject || undefined,
});

/** What does not add up between vendors: the most at stake first. */
export function findingPages(web: Web): void {
  page(web, { url: "/findings", who: readers, query }, async (at) => {
    const asked = chosen(at.query);
    const totalsUrl = jsonAddress(`${findings}/totals`, asked);
    const [list, totals, { last }] = await Promise.all([
      callList<Finding>(web, at, { path: findings, query: { ...asked, sort: at.query.sort, cursor: at.query.cursor } }),
      get<FindingTotals>(web, at.request, totalsUrl),
      get<{ last: LastSearch | null }>(web, at.request, `${findings}/search`),
    ]);
    return {
      title: "Findings",
      body: (
        <>
          <PageHead
            title="Findings"
            lead={
              <>
                Double and missing money: what does not add up between vendors. Each is evidence to look at, and no
                accusation. <SandboxOnce of={list.items} />
              </>
            }
          >
            {at.viewer.isKeeper ? (
              <form method="post" action="/findings/search">
                <button type="submit">Look again</button>
              </form>
            ) : null}
            <ExportLink url={at.url} without={["running", "since"]} />
          </PageHead>
          <Running {...at.query} parts={at.parts} lastAt={last?.at} />
          <Totals of={totals} url={totalsUrl} />
          <Searched at={at} last={last} />
          <Filters url={at.url} filters={shownFilters} />
          <ListTable
            at={at}
            list={list}
            orders={findingOrders}
            columns={columnsFor(areAllSandbox(list.items))}
            caption="Findings"
            empty={<NothingFound last={last} isFiltered={Object.values(asked).some((value) => value !== undefined)} />}
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/findings.csv", who: readers, query: exportQuery }, (at) => ({
    name: "findings.csv",
    path: findings,
    query: { ...chosen(at.query), sort: at.query.sort },
    columns: [...columnsFor(), ...fileColumns, originColumn],
  }));

  form(web, { url: "/findings/search", who: keepers, body: z.object({}) }, async ({ request }) => {
    // Taken before it is asked for: a search that is over at once ended after it.
    const since = new Date().toISOString();
    const { body } = await call<{ workflowId: string }>(web, request, { method: "POST", url: `${findings}/search` });
    return `/findings?${new URLSearchParams({ running: body.workflowId, since })}`;
  });
}

const shownFilters: Filter[] = [
  {
    name: "kind",
    label: "Kind",
    kind: "choice",
    choices: [["", "all"], ...findingKinds.map((kind) => [kind, kindWords[kind]] as const)],
  },
  {
    name: "state",
    label: "State",
    kind: "choice",
    choices: [
      ["", "open: new, seen"],
      ...findingStates.map((state) => [state, stateWord(state)] as const),
      ["all", "all"],
    ],
  },
  { name: "min_at_stake", label: "At stake at least", kind: "text" },
];

function Totals({ of, url }: { of: FindingTotals; url: string }) {
  const fact = factsOf(url);
  return (
    <div class="cards">
      <Figure label="Findings" value={countText(of.count)} fact={fact("count", of.count)}>
        <Count json={url} field="fresh" of={of.fresh} /> of them new
      </Figure>
      {of.amounts.map(({ currency, atStake, count }, index) => (
        <Figure
          key={currency}
          label={`At stake in ${currency}`}
          value={moneyText(atStake, currency)}
          fact={fact(`amounts.${index}.atStake`, atStake)}
        >
          <Count json={url} field={`amounts.${index}.count`} of={count} /> findings; two may be of the same money
        </Figure>
      ))}
    </div>
  );
}

function Searched({ at, last }: { at: At<Query>; last: LastSearch | null }) {
  if (last === null) return null;
  const fact = factsOf(`${findings}/search`);
  return (
    <>
      <p class="quiet">
        Last looked for <Moment at={new Date(last.at)} zone={at.zone} />, on final days up to {last.windowTo};{" "}
        <Fact of={fact("last.tested", last.tested)}>{countText(last.tested)}</Fact> tests,{" "}
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
        <a href="/findings">Without filters</a>
      </Empty>
    );
  return last === null ? (
    <Empty title="Not looked for yet">
      It needs final days of <a href="/freshness">Redtrack or Everflow</a>; then “Look again”, or wait half an hour.
    </Empty>
  ) : (
    <Empty title="Everything adds up">{countText(last.tested)} tests, and none of them found anything.</Empty>
  );
}

function columnsFor(isOneBadge = false): Column<Finding>[] {
  const money = moneyIn<Finding>((row) => row.currency);
  return [
    {
      name: "subjectName",
      label: "About",
      kind: "text",
      value: (row) => row.subjectName,
      show: ({ findingId, subjectName, origin }) => (
        <>
          <a href={`/findings/${findingId}`}>
            <Name of={subjectName} />
          </a>{" "}
          {isOneBadge ? null : <Origin of={origin} />}
        </>
      ),
    },
    { name: "kind", label: "Kind", kind: "text", value: (row) => row.kind, show: ({ kind }) => kindWords[kind] },
    {
      name: "words",
      label: "What the records say",
      kind: "text",
      isLong: true,
      value: (row) => row.words,
      show: ({ words }) => <Name of={words} />,
    },
    money("atStake", "At stake", (row) => row.atStake),
    { name: "cases", label: "Cases", kind: "count", value: (row) => row.cases, isExtra: true },
    { name: "lastDay", label: "Last day", kind: "day", value: (row) => row.lastDay },
    { name: "state", label: "State", kind: "text", value: (row) => row.state, show: (row) => <State of={row} /> },
  ];
}

const fileOnly = (name: keyof Finding): Column<Finding> => ({
  name,
  label: name,
  kind: "text",
  value: (row) => row[name],
});
const fileColumns = (
  ["findingId", "subject", "currency", "firstDay", "p", "windowFrom", "windowTo", "stateReason"] as const
).map(fileOnly);
