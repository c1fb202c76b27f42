import { z } from "zod";
import { evidenceOrders } from "../../queries/findings/findings.ts";
import { decidedFindings } from "../../rules/findings/kinds.ts";
import { moneyIn } from "../components/columns.ts";
import { countText, Moment, moneyText, Name } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { changeColumns, Decide, State } from "../components/listed-states.tsx";
import { ListTable } from "../components/list-table.tsx";
import { ExportLink, factsOf, Figure, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList } from "../shared/json.ts";
import { call, form, get, page, param } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { findings, type Evidence, type FindingDetails } from "./answers.ts";
import { chanceText, countWords, kindWords, percentOf, subjectAddress, usualWords } from "./words.ts";

const query = sortedQuery(evidenceOrders);
const jsonOf = (at: Parameters<typeof param>[0]) => `${findings}/${encodeURIComponent(param(at, "id"))}`;

/** One finding: what the records say, row by row, and what became of it. */
export function findingPage(web: Web): void {
  page(web, { url: "/findings/:id", who: readers, query }, async (at) => {
    const json = jsonOf(at);
    const [found, rows] = await Promise.all([
      get<FindingDetails>(web, at.request, json),
      callList<Evidence>(web, at, {
        path: `${json}/evidence`,
        query: { sort: at.query.sort, cursor: at.query.cursor },
      }),
    ]);
    return {
      title: `${kindWords[found.kind]}, ${found.subjectName}`,
      body: (
        <>
          <Head of={found} url={at.url} />
          <Figures of={found} json={json} at={at} />
          <section class="panel" aria-labelledby="before">
            <h2 id="before">Before you ask anybody</h2>
            <p>{found.explanation}</p>
          </section>
          <h2>The rows that it follows from</h2>
          <ListTable
            at={at}
            list={rows}
            orders={evidenceOrders}
            columns={columnsFor(found)}
            caption="The rows that it follows from"
            empty="No rows: they were deleted by age."
          />
          <Source of={found} at={at} />
          {at.viewer.isKeeper ? <Decisions of={found} today={at.today} /> : null}
          <Table
            columns={changeColumns}
            rows={found.changes}
            caption="What became of it, the last first"
            zone={at.zone}
            json={{ url: json, path: "changes" }}
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/findings/:id.csv", who: readers, query: { sort: query.sort } }, (at) => ({
    name: `finding-${param(at, "id")}.csv`,
    path: `${jsonOf(at)}/evidence`,
    query: { sort: at.query.sort },
    columns: allColumns,
  }));

  const body = z.object({
    state: z.enum(decidedFindings),
    reason: z.string().optional(),
    until: z.string().optional(),
    done_on: z.string().optional(),
    expectedState: z.string().optional(),
  });
  form(web, { url: "/findings/:id/state", who: keepers, body }, async (at, given) => {
    // A field that is left empty says nothing.
    const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
    await call(web, at.request, { method: "POST", url: `${jsonOf(at)}/state`, body: said });
    return `/findings/${encodeURIComponent(param(at, "id"))}`;
  });
}

function Head({ of: found, url }: { of: FindingDetails; url: URL }) {
  const address = subjectAddress(found, { from: found.windowFrom, to: found.windowTo });
  return (
    <PageHead
      title={
        <>
          {kindWords[found.kind]}: <Name of={found.subjectName} />
        </>
      }
      lead={
        <>
          <Name of={found.words} /> <State of={found} />
        </>
      }
    >
      {address === null ? null : (
        <a class="button" href={address}>
          All its figures
        </a>
      )}
      <a class="button" href="/findings">
        All findings
      </a>
      <ExportLink url={url} />
    </PageHead>
  );
}

function Figures({ of, json, at }: { of: FindingDetails; json: string; at: At<unknown> }) {
  const fact = factsOf(json);
  const { share, usual, others, all, medianSeconds } = of.facts;
  return (
    <div class="cards">
      <Figure label="At stake" value={moneyText(of.atStake, of.currency)} fact={fact("atStake", of.atStake)}>
        the sum of its rows
      </Figure>
      <Figure label="Cases" value={countText(of.cases)} fact={fact("cases", of.cases)}>
        {of.firstDay} to {of.lastDay}
      </Figure>
      {share === undefined || usual === undefined ? null : (
        <Figure label="Its share" value={percentOf(share)} fact={fact("facts.share", share)}>
          of {countText(all ?? 0)}; the median of {others} others is {percentOf(usual)}
        </Figure>
      )}
      {medianSeconds === undefined ? null : (
        <Figure
          label="Half came within"
          value={`${countText(medianSeconds)} s`}
          fact={fact("facts.medianSeconds", medianSeconds)}
        >
          of the click
        </Figure>
      )}
      {of.p === null ? null : (
        <Figure label="By chance" value={chanceText(of.p)} fact={fact("p", of.p)}>
          how likely chance alone would do this
        </Figure>
      )}
      <Figure label="First found" value={<Moment at={new Date(of.createdAt)} zone={at.zone} />}>
        last on the days up to {of.heldOn}
      </Figure>
    </div>
  );
}

function Source({ of, at }: { of: FindingDetails; at: At<unknown> }) {
  return (
    <section class="panel" aria-labelledby="source">
      <h2 id="source">Where it is from</h2>
      <p>
        Found by{" "}
        {of.workflowId === null ? (
          "a search that is no longer kept"
        ) : (
          <WorkflowLink parts={at.parts} workflowId={of.workflowId} runId={of.runId}>
            this workflow
          </WorkflowLink>
        )}
        , in the rows of {of.windowFrom} to {of.windowTo}. The rows as they are now, in SQL:
      </p>
      <pre tabIndex={0}>{of.sql}</pre>
    </section>
  );
}

function Decisions({ of, today }: { of: FindingDetails; today: string }) {
  return (
    <Decide
      action={`/findings/${of.findingId}/state`}
      state={of.state}
      today={today}
      simple={[["seen", "Seen"]]}
      doneNote="It comes back only if it has grown by half since."
      dismissNote="It comes back only if it has grown by half since."
    />
  );
}

const amountIn = moneyIn<Evidence>((row) => row.currency);
const otherIn = moneyIn<Evidence>((row) => row.otherCurrency ?? "");

const position: Column<Evidence> = { name: "position", label: "No.", kind: "count", value: (row) => row.position };
const date: Column<Evidence> = { name: "date", label: "Day", kind: "day", value: (row) => row.date };
const text = (name: "item" | "saidBy" | "otherSaidBy", label: string): Column<Evidence> => ({
  name,
  label,
  kind: "text",
  value: (row) => row[name],
  show: (row) => <Name of={row[name] ?? ""} />,
});
const count = (label: string): Column<Evidence> => ({ name: "count", label, kind: "count", value: (row) => row.count });
const usual = (label: string): Column<Evidence> =>
  label === "Usual spend"
    ? amountIn("usual", label, (row) => row.usual)
    : { name: "usual", label, kind: "ratio", value: (row) => row.usual };
const amount = amountIn("amount", "Amount", (row) => row.amount);
const atStake = amountIn("atStake", "At stake", (row) => row.atStake, { why: () => "it is in another currency" });
const other = [
  text("otherSaidBy", "Also paid by"),
  otherIn("otherAmount", "Amount there", (row) => row.otherAmount, { why: () => "it is known of one side only" }),
];

function columnsFor({ kind }: FindingDetails): Column<Evidence>[] {
  const counted = countWords[kind];
  const known = usualWords[kind];
  const named =
    kind === "paid_twice" ? "Order" : kind.includes("clicks") || kind === "parted_ways" ? "Source" : "Conversion";
  return [
    position,
    date,
    text("item", named),
    text("saidBy", "Says"),
    amount,
    ...(counted === null ? [] : [count(counted)]),
    ...(known === null ? [] : [usual(known)]),
    ...(kind === "paid_twice" ? other : []),
    atStake,
  ];
}

const currency = (name: "currency" | "otherCurrency"): Column<Evidence> => ({
  name,
  label: name,
  kind: "text",
  value: (row) => row[name],
});
const allColumns = [
  ...[position, date, text("item", "Item"), text("saidBy", "Says"), amount, currency("currency"), count("Count")],
  ...[usual("Usual"), ...other, currency("otherCurrency"), atStake],
];
