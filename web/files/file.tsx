import { wholeNumber } from "../../core/whole-number.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { performanceSource, saysSpend } from "../../rules/files/file-kinds.ts";
import { countText, moneyText, Name, None, Origin } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { Count, Empty, Fact, factsOf, Figure, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { callList, callWhole, type JsonPage } from "../shared/json.ts";
import { download, get, page, param } from "../shared/page.tsx";
import { currencyOf } from "../rtb/creatives.tsx";
import { readers, type At, type Web } from "../shared/web.ts";
import {
  imports,
  quarantine,
  type HistoryDay,
  type ImportStatus,
  type Quarantined,
  type RejectedLine,
} from "./answers.ts";
import { Outcome } from "./page.tsx";

const count = wholeNumber({ least: 0, most: 1_000_000_000 });
/** What came of processing the rejected lines again. */
const processed = { stored: count.optional(), left: count.optional() };

function Processed({ of: { stored, left } }: { of: { stored?: number | undefined; left?: number | undefined } }) {
  if (stored === undefined || left === undefined) return null;
  return (
    <Notice tone={left === 0 ? "good" : "warning"} title="Processed again">
      {stored === 0 ? "No line" : `${countText(stored)} ${stored === 1 ? "line" : "lines"}`} could be stored
      {left === 0
        ? "; none is left."
        : `; ${countText(left)} ${left === 1 ? "is" : "are"} still rejected: correct them below.`}
    </Notice>
  );
}

type Answer = NonNullable<ImportStatus["answer"]>;

/** One file: how far it is, what became of it, its rejected lines, and what later files made of its days. */
export function fileDetailPages(web: Web): void {
  page(web, { url: "/files/:id", who: readers, query: processed }, async (at) => {
    const json = `${imports}/${param(at, "id")}`;
    const found = await get<ImportStatus>(web, at.request, json);
    const { answer, source } = found;
    const isOpen = found.state === "accepted" || found.state === "running";
    return {
      title: found.name,
      body: (
        <>
          <PageHead title={found.name}>
            <WorkflowLink
              parts={at.parts}
              workflowId={found.workflow.workflowId}
              {...(found.workflow.runId === null ? {} : { runId: found.workflow.runId })}
            >
              Open in the Temporal UI
            </WorkflowLink>
          </PageHead>
          <div id="state" {...(isOpen ? { "data-live": "1", "data-then": "reload" } : {})}>
            <State found={found} />
          </div>
          <Processed of={at.query} />
          {answer === null ? null : (
            <Result
              answer={answer}
              hasSpend={saysSpend(source ?? performanceSource)}
              json={json}
              currency={currencyOf(at.parts, at.viewer.client)}
            />
          )}
          {answer === null || answer.fileId === null ? null : (
            <>
              <Rejected
                list={await callList<Quarantined>(web, at, rejectedOf(answer.fileId, source))}
                answer={answer}
                at={at}
              />
              <History at={at} days={await historyOf(web, at, answer.fileId)} fileId={answer.fileId} />
            </>
          )}
        </>
      ),
    };
  });

  download(web, { url: "/files/:id/rejected.csv", who: readers }, async (at) => {
    const { answer, source, name: of } = await get<ImportStatus>(web, at.request, `${imports}/${param(at, "id")}`);
    const name = `rejected-${of.replace(/\.(csv|tsv|txt|jsonl?|ndjson)(\.gz)?$/i, "")}.csv`;
    const columns = [...rejectedColumns(false), originColumn];
    if (answer?.fileId == null) return { name, text: toCsv(columns, []) };
    if (!at.viewer.isKeeper)
      return { name, text: toCsv(columns, byLine(await callWhole(web, at, rejectedOf(answer.fileId, source)))) };
    const { origin } = answer;
    const path = `${imports}/${answer.fileId}/rejected`;
    return {
      name,
      text: toCsv([...clearColumns, ofFile(origin)], await callWhole<RejectedLine>(web, at, { path, query: {} })),
    };
  });
}

/** The rejected lines that are open: the first of them for the page, all for the export. */
const rejectedOf = (fileId: number, source: string | null) => ({
  path: quarantine,
  query: { source: source ?? performanceSource, slice: `file/${fileId}`, state: "open" },
});

const byLine = (rows: readonly Quarantined[]) => [...rows].sort((one, other) => (one.line ?? 0) - (other.line ?? 0));

async function historyOf(web: Web, at: At<unknown>, fileId: number): Promise<HistoryDay[]> {
  return (await get<{ items: HistoryDay[] }>(web, at.request, `${imports}/${fileId}/days`)).items;
}

function State({ found }: { found: ImportStatus }) {
  const { state, progress, reason } = found;
  switch (state) {
    case "accepted":
      return <Notice tone="note">The file is safe on disk and waits for its turn.</Notice>;
    case "running":
      return (
        <div class="panel" aria-live="polite">
          <p>
            {progress === null
              ? "It has been started."
              : `${progress.phase}: ${countText(progress.lines)} lines, ${Math.round((100 * progress.bytes) / Math.max(1, progress.ofBytes))} % of the file`}
          </p>
          <progress
            value={progress?.bytes ?? 0}
            max={Math.max(1, progress?.ofBytes ?? 1)}
            aria-label="How much of the file is read"
          />
        </div>
      );
    case "failed":
      return (
        <Notice tone="bad" title="It failed; nothing of it is stored">
          {reason}
        </Notice>
      );
    case "done":
      return <></>;
  }
}

interface ResultProps {
  answer: Answer;
  hasSpend: boolean;
  json: string;
  currency: string;
}

function Result({ answer, hasSpend, json, currency }: ResultProps) {
  const count = (
    label: string,
    name: "lines" | "imported" | "inserted" | "updated" | "unchanged" | "removed" | "rejected",
  ) => (
    <Figure
      label={label}
      value={countText(answer[name])}
      fact={{ json, field: `answer.${name}`, value: String(answer[name]) }}
    />
  );
  return (
    <>
      {answer.status === "refused" ? (
        <Notice tone="bad" title="Refused: nothing of it is stored">
          {answer.reason}
        </Notice>
      ) : answer.status === "already_ingested" ? (
        <Notice tone="note" title="Nothing new">
          The same content was imported before, as file {answer.fileId}.{" "}
          {answer.reason === null ? (
            <>
              Later files have replaced <Count json={json} field="answer.replacedSince" of={answer.replacedSince} /> of
              the rows it wrote.
            </>
          ) : (
            `${answer.reason}.`
          )}
        </Notice>
      ) : null}
      {answer.warning === null ? null : (
        <Notice tone="warning" title="Stored, and worth a look">
          {answer.warning}.
        </Notice>
      )}
      <div class="cards">
        <Figure label="Result" value={<Outcome status={answer.status} />}>
          read as <Name of={answer.mapping} /> <Origin of={answer.origin} />
        </Figure>
        {count("Lines", "lines")}
        {count("Imported", "imported")}
        {count("New rows", "inserted")}
        {count("Changed rows", "updated")}
        {count("Same as before", "unchanged")}
        {answer.removed === 0 ? null : count("Rows of earlier files taken away", "removed")}
        {count("Rejected", "rejected")}
        <Figure
          label="Spend"
          value={hasSpend ? moneyText(answer.sums.spend, currency) : <None why="such a report has no spend" />}
          fact={{ json, field: "answer.sums.spend", value: answer.sums.spend }}
        >
          {answer.days.from === null
            ? "no day"
            : answer.days.from === answer.days.to
              ? answer.days.from
              : `${answer.days.from} to ${answer.days.to}`}
        </Figure>
        {answer.superseded.lines === 0 ? null : (
          <Figure
            label="Overwritten by a later line"
            value={countText(answer.superseded.lines)}
            fact={factsOf(json)("answer.superseded.lines", answer.superseded.lines)}
          >
            spend{" "}
            <Fact of={factsOf(json)("answer.superseded.spend", answer.superseded.spend)}>
              {moneyText(answer.superseded.spend, currency)}
            </Fact>
          </Figure>
        )}
      </div>
    </>
  );
}

/** With the line itself, for those who may correct it: a download is in the audit log as a view is. */
const clearColumns: readonly Column<RejectedLine>[] = [
  { name: "line", label: "Line", kind: "count", value: (row) => row.line },
  { name: "column", label: "Column", kind: "text", value: (row) => row.column },
  { name: "reason", label: "Why", kind: "text", value: (row) => row.reason },
  { name: "content", label: "The line", kind: "text", value: (row) => row.content },
];

/** All lines of a file are its own. */
const ofFile = (origin: string | null): Column<RejectedLine> => ({
  ...{ name: originColumn.name, label: originColumn.label, kind: originColumn.kind },
  value: () => origin,
});

function rejectedColumns(isKeeper: boolean): Column<Quarantined>[] {
  const correct: Column<Quarantined> = {
    name: "correct",
    label: "Correct it",
    kind: "text",
    isLocal: true,
    value: () => null,
    show: ({ quarantineId, line }) => (
      <a href={`/quarantine/${quarantineId}`} aria-label={`Correct line ${line ?? ""}`}>
        Correct
      </a>
    ),
  };
  return [
    { name: "line", label: "Line", kind: "text", value: (row) => row.line },
    { name: "reason", label: "Why", kind: "text", value: (row) => row.reason },
    { name: "lastSeenAt", label: "When", kind: "moment", value: (row) => new Date(row.lastSeenAt), isExtra: true },
    ...(isKeeper ? [correct] : []),
  ];
}

interface RejectedProps {
  list: JsonPage<Quarantined>;
  answer: Answer;
  at: At<unknown>;
}

function Rejected({ list, answer, at }: RejectedProps) {
  const rows = list.items;
  if (answer.rejected === 0) return null;
  return (
    <section aria-labelledby="rejected">
      <div class="section-head">
        <h2 id="rejected">Rejected lines{rows.length === 0 ? ": none left" : ""}</h2>
        {rows.length === 0 ? null : (
          <div class="actions">
            <a class="button" href={`${at.url.pathname}/rejected.csv`} download>
              Download
            </a>
            {at.viewer.isKeeper ? (
              <form method="post" action={`/files/${answer.fileId}/redrive`}>
                <button type="submit">Process them again</button>
              </form>
            ) : null}
          </div>
        )}
      </div>
      <Table
        columns={rejectedColumns(at.viewer.isKeeper)}
        rows={byLine(list.items)}
        json={{ url: list.url, path: "items", indexOf: (row) => list.items.indexOf(row) }}
        caption="Rejected lines"
        zone={at.zone}
        empty={<Empty title="All of them were processed since">Their amounts are in the figures now.</Empty>}
      />
    </section>
  );
}

interface HistoryProps {
  at: At<unknown>;
  days: readonly HistoryDay[];
  fileId: number;
}

function History({ at, days, fileId }: HistoryProps) {
  if (days.length === 0) return null;
  const currency = currencyOf(at.parts, at.viewer.client);
  return (
    <details>
      <summary>Day by day: what it changed, and what later files replaced</summary>
      <Table
        columns={historyColumns(days.some(({ inserted }) => inserted !== null) ? currency : null)}
        rows={days}
        caption="What the file did to each day"
        zone={at.zone}
        json={{ url: `${imports}/${fileId}/days`, path: "items" }}
      />
    </details>
  );
}

/** Of a report, whose currency is null, only rows are recorded by day. */
function historyColumns(currency: string | null): Column<HistoryDay>[] {
  return [
    { name: "date", label: "Day", kind: "day", value: (row) => row.date },
    ...(currency === null ? [written] : changes(currency)),
    { name: "takenOver", label: "Rows replaced since", kind: "count", value: (row) => row.takenOver },
    {
      name: "laterFiles",
      label: "By files",
      kind: "text",
      value: (row) => row.laterFiles.join(","),
      show: ({ laterFiles }) =>
        laterFiles.length === 0 ? "" : laterFiles.map((id) => <a href={`/files/${id}`}>{id} </a>),
    },
  ];
}

const written: Column<HistoryDay> = {
  name: "written",
  label: "Rows written",
  kind: "count",
  value: (row) => row.written,
};

function changes(currency: string): Column<HistoryDay>[] {
  const money = moneyIn<HistoryDay>(currency);
  return [
    { name: "inserted", label: "New rows", kind: "count", value: (row) => row.inserted },
    { name: "updated", label: "Changed rows", kind: "count", value: (row) => row.updated },
    { name: "confirmed", label: "Same", kind: "count", value: (row) => row.confirmed, isExtra: true },
    money("spendBefore", "Spend before", (row) => row.spendBefore),
    money("spendAfter", "Spend after", (row) => row.spendAfter),
  ];
}
