import { moneyIn, originColumn } from "../components/columns.ts";
import { None, Origin } from "../components/format.tsx";
import { Empty, ExportLink, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { download, get, page } from "../shared/page.tsx";
import { readers, type Web } from "../shared/web.ts";
import { currencyOf } from "../rtb/creatives.tsx";
import { opportunities, type Score, type Scored } from "./answers.ts";
import { Insight, Outcome, outcomeWord, percentOf, typeWords } from "./opportunity-words.tsx";

const json = `${opportunities}/scorecard`;
interface Scorecard {
  types: Score[];
  items: Scored[];
}

/** Whether advice was right: what was said, and what came. */
export function scorecardPages(web: Web): void {
  page(web, { url: "/opportunities/scorecard", who: readers }, async (at) => {
    const { types, items } = await get<Scorecard>(web, at.request, json);
    const currency = currencyOf(at.parts, at.viewer.client);
    return {
      title: "Was the advice right?",
      body: (
        <>
          <PageHead
            title="Was the advice right?"
            lead={`Of each that was done: up to four weeks since then, against as many before. Amounts a week, in ${currency}.`}
          >
            <a class="button" href="/opportunities">
              Opportunities
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          {items.length === 0 ? (
            <Empty title="Nothing was marked done yet">
              On the page of an <a href="/opportunities">opportunity</a> say “Done” on the day its budget was raised; a
              week later it stands here what came of it.
            </Empty>
          ) : (
            <>
              <Table
                columns={typeColumns}
                rows={types}
                caption="Right by kind"
                zone={at.zone}
                json={{ url: json, path: "types" }}
              />
              <Table
                columns={columnsFor(currency)}
                rows={items}
                caption="What was said and what came, the last first"
                zone={at.zone}
                json={{ url: json, path: "items" }}
              />
              <p class="quiet">
                What was said is scaled to the raise that was really made. Right: it saved, and as much as the cautious
                figure may have come. What came lies with 90 % confidence between the two bounds.
              </p>
            </>
          )}
        </>
      ),
    };
  });

  download(web, { url: "/opportunities/scorecard.csv", who: readers }, async (at) => {
    const { items } = await get<Scorecard>(web, at.request, json);
    const columns = [...columnsFor(currencyOf(at.parts, at.viewer.client)), originColumn];
    return { name: "scorecard.csv", text: toCsv(columns, items) };
  });
}

const typeColumns: Column<Score>[] = [
  { name: "type", label: "Kind", kind: "text", value: (row) => row.type, show: ({ type }) => typeWords[type] },
  { name: "done", label: "Done", kind: "count", value: (row) => row.done },
  { name: "right", label: "Right", kind: "count", value: (row) => row.right },
  { name: "partly", label: "Saved less", kind: "count", value: (row) => row.partly },
  { name: "wrong", label: "Wrong", kind: "count", value: (row) => row.wrong },
  { name: "undecided", label: "Undecided", kind: "count", value: (row) => row.undecided, isExtra: true },
  {
    name: "rightShare",
    label: "Share right",
    kind: "percent",
    value: (row) => row.rightShare,
    show: ({ rightShare }) =>
      rightShare === null ? <None why="none of which it is known yet" /> : percentOf(rightShare / 100),
  },
];

function columnsFor(currency: string): Column<Scored>[] {
  const money = moneyIn<Scored>(currency, { why: ({ outcome }) => outcomeWord(outcome) });
  return [
    {
      name: "type",
      label: "Advice",
      kind: "text",
      value: (row) => row.type,
      show: (row) => (
        <>
          <a href={`/opportunities/${row.opportunityId}`}>
            <Insight of={row} />
          </a>{" "}
          <Origin of={row.origin} />
        </>
      ),
    },
    {
      name: "campaignName",
      label: "Campaign",
      kind: "text",
      value: (row) => row.campaignName,
      show: ({ campaignId, campaignName }) => (
        <a href={`/campaigns/${campaignId}`}>{campaignName ?? `campaign ${campaignId}`}</a>
      ),
    },
    { name: "doneOn", label: "Done on", kind: "day", value: (row) => row.doneOn },
    { name: "weeks", label: "Weeks", kind: "count", value: (row) => row.weeks, isExtra: true },
    money("raisedWeekly", "Raised by", (row) => row.raisedWeekly),
    money("forecast", "Said", (row) => row.forecast),
    money("forecastLow", "Said, at the least", (row) => row.forecastLow, { isExtra: true }),
    money("came", "Came", (row) => row.came),
    money("cameFrom", "from", (row) => row.cameFrom, { isExtra: true }),
    money("cameTo", "to", (row) => row.cameTo, { isExtra: true }),
    {
      name: "outcome",
      label: "So it was",
      kind: "text",
      value: (row) => row.outcome,
      show: ({ outcome }) => <Outcome of={outcome} />,
    },
  ];
}
