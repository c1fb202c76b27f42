import { z } from "zod";
import { quarantineOrders } from "../../queries/sync/list-quarantine.ts";
import { Filters, type Filter } from "../components/filters.tsx";
import { originColumn } from "../components/columns.ts";
import { Badge, Moment, Origin } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, Notice, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals } from "../shared/json.ts";
import { call, form, get, page, param, type Content } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import {
  imports,
  quarantine,
  type ClearLine,
  type Corrected,
  type Quarantined,
  type QuarantineTotals,
  type Redriven,
} from "./answers.ts";

const query = {
  state: z.enum(["open", "resolved", "all"]).optional(),
  source: z.string().max(100).optional(),
  slice: z.string().max(100).optional(),
  ...sortedQuery(quarantineOrders),
};
type Query = z.output<z.ZodObject<typeof query>>;

/** Rows and lines that could not be stored, one of them in clear, and its correction. */
export function quarantinePages(web: Web): void {
  listPage(web);
  linePage(web);

  form(web, { url: "/files/:id/redrive", who: keepers, body: z.object({}) }, async (at) => {
    const id = param(at, "id");
    const url = `${imports}/${id}/redrive`;
    const { body } = await call<Redriven>(web, at.request, { method: "POST", url, body: {} });
    return body.state === "done" ? `/files/${id}?stored=${body.resolved}&left=${body.remaining}` : `/files/${id}`;
  });
}

function listPage(web: Web): void {
  page(web, { url: "/quarantine", who: readers, query }, async (at) => {
    const asked = { path: quarantine, query: { ...filtersOf(at.query), limit: 50 } };
    const [list, { totals, json }] = await Promise.all([
      callList<Quarantined>(web, at, asked),
      callTotals<QuarantineTotals>(web, at, asked),
    ]);
    return {
      title: "Quarantine",
      body: (
        <>
          <PageHead title="Quarantine" lead="Lines and rows that could not be stored, and why.">
            <ExportLink url={at.url} />
          </PageHead>
          <Filters url={at.url} filters={filters} />
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["entries", "Lines and rows", totals.entries],
              ["open", "Open", totals.open],
              ["resolved", "Resolved", totals.resolved],
            ]}
          />
          <ListTable
            at={at}
            list={list}
            orders={quarantineOrders}
            columns={columnsFor(at.viewer.isKeeper)}
            caption="Quarantined lines and rows"
            empty={
              <Empty title="Nothing here">
                {at.query.state === undefined ? (
                  <>
                    Every line of every file is stored. <a href="/quarantine?state=all">Show what was resolved</a>
                  </>
                ) : (
                  "No line or row is quarantined under these filters."
                )}
              </Empty>
            }
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/quarantine.csv", who: readers, query }, (at) => ({
    name: "quarantine.csv",
    path: quarantine,
    query: filtersOf(at.query),
    columns: [...columnsFor(false), originColumn],
  }));
}

/** The JSON route has no word for all states: it is asked for none. */
function filtersOf({ state = "open", ...asked }: Query) {
  return { ...asked, state: state === "all" ? undefined : state };
}

const filters: readonly Filter[] = [
  {
    ...{ name: "state", label: "State", kind: "choice" },
    choices: [
      ["", "open"],
      ["resolved", "resolved"],
      ["all", "all"],
    ],
  },
  { name: "source", label: "Source", kind: "search", suggestions: ["rtb.performance"] },
];

const fileOf = ({ source, slice }: Pick<Quarantined, "source" | "slice">) =>
  source === "rtb.performance" ? (/^file\/(\d+)$/.exec(slice)?.[1] ?? null) : null;

function columnsFor(isKeeper: boolean): Column<Quarantined>[] {
  const look: Column<Quarantined> = {
    name: "look",
    label: "The line itself",
    kind: "text",
    isLocal: true,
    value: () => null,
    show: ({ quarantineId, source }) => (
      <a
        href={`/quarantine/${quarantineId}`}
        aria-label={`${source === "rtb.performance" ? "Correct" : "Open"} entry ${quarantineId}`}
      >
        {source === "rtb.performance" ? "Correct" : "Open"}
      </a>
    ),
  };
  return [
    {
      name: "quarantineId",
      label: "Entry",
      kind: "text",
      value: (row) => row.quarantineId,
      show: ({ quarantineId, origin }) => (
        <>
          {quarantineId} <Origin of={origin} />
        </>
      ),
    },
    { name: "source", label: "Source", kind: "text", value: (row) => row.source, isExtra: true },
    {
      name: "slice",
      label: "Of",
      kind: "day",
      value: (row) => row.slice,
      show: (row) => {
        const file = fileOf(row);
        return file === null ? row.slice : <a href={`/files/${file}`}>file {file}</a>;
      },
    },
    { name: "line", label: "Line", kind: "text", value: (row) => row.line },
    { name: "position", label: "Message", kind: "text", value: (row) => row.position, isExtra: true },
    { name: "reason", label: "Why", kind: "text", value: (row) => row.reason, isLong: true },
    {
      name: "firstSeenAt",
      label: "First",
      kind: "moment",
      value: (row) => new Date(row.firstSeenAt),
      isFileOnly: true,
    },
    { name: "lastSeenAt", label: "Last", kind: "moment", value: (row) => new Date(row.lastSeenAt), isExtra: true },
    {
      name: "resolvedAt",
      label: "Resolved",
      kind: "moment",
      value: (row) => (row.resolvedAt === null ? null : new Date(row.resolvedAt)),
    },
    ...(isKeeper ? [look] : []),
  ];
}

function linePage(web: Web): void {
  const url = "/quarantine/:id";
  page(web, { url, who: keepers }, async (at) => lineContent(at, await readLine(web, at)));

  form(
    web,
    {
      url: `${url}/correct`,
      who: keepers,
      body: z.object({ line: z.string().min(1, "say the line"), replaces: z.string().default("") }),
    },
    async (at, { line, replaces }) => {
      const { body: became } = await call<Corrected>(web, at.request, {
        method: "POST",
        url: `${quarantine}/${param(at, "id")}/correct`,
        body: { line, ...(replaces === "" ? {} : { replaces }) },
      });
      return lineContent(at, await readLine(web, at), became);
    },
  );
}

const readLine = (web: Web, at: At<unknown>) => get<ClearLine>(web, at.request, `${quarantine}/${param(at, "id")}`);

function lineContent(at: At<unknown>, entry: ClearLine, became: Corrected | null = null): Content {
  const { file, line, source, slice, position, resolvedAt } = entry;
  const title = line === null ? `Row of ${source}, ${slice}` : (position ?? `Line ${line}`);
  return {
    title,
    body: (
      <>
        <PageHead
          title={title}
          lead={
            file === null ? (
              "Your view of it is in the audit log."
            ) : (
              <>
                of <a href={`/files/${file.fileId}`}>{file.name}</a>. Your view of it is in the audit log.
              </>
            )
          }
        />
        <Became entry={entry} became={became} zone={at.zone} />
        {entry.content === null ? (
          <Notice tone="warning" title="The line itself cannot be shown">
            {entry.contentDeletedAt !== null
              ? "Its content was deleted after its retention. Import the corrected line in a file of its own."
              : entry.isKept
                ? "It was sealed with another CREDENTIALS_ENCRYPTION_KEY."
                : "It was not kept: there was no CREDENTIALS_ENCRYPTION_KEY to seal it with. Import the corrected file again."}
          </Notice>
        ) : (
          <section aria-labelledby="as-it-came">
            <h2 id="as-it-came">As it came{entry.isWhole ? "" : ", cut because it is very long"}</h2>
            <pre tabIndex={0} aria-labelledby="as-it-came">
              {file?.header == null ? "" : `${file.header}\n`}
              {entry.content}
            </pre>
          </section>
        )}
        {resolvedAt === null && file !== null && entry.contentDeletedAt === null ? (
          <CorrectForm entry={entry} />
        ) : resolvedAt === null && file === null ? (
          <p>Rows of a vendor are fetched again with their day; a corrected table or a new fetch resolves them.</p>
        ) : null}
      </>
    ),
  };
}

function Became({ entry, became, zone }: { entry: ClearLine; became: Corrected | null; zone: string }) {
  if (entry.resolvedAt !== null)
    return (
      <Notice tone="good" title="Resolved">
        It is stored{entry.corrected === null ? "" : " as corrected"} since{" "}
        <Moment at={new Date(entry.resolvedAt)} zone={zone} />.{" "}
        {entry.file === null ? null : <a href={`/files/${entry.file.fileId}`}>Back to the file</a>}
      </Notice>
    );
  return (
    <Notice tone={became?.state === "running" ? "note" : "warning"} title={titleOf(became)}>
      {became?.state === "running"
        ? "The correction is kept. It is processed as soon as possible; open this page again to see what became of it."
        : entry.reason}
    </Notice>
  );
}

function titleOf(became: Corrected | null): string {
  if (became === null) return "Rejected";
  return became.state === "running" ? "Being processed" : "Still rejected";
}

function CorrectForm({ entry }: { entry: ClearLine }) {
  const { quarantineId, content, corrected, correctedAt } = entry;
  return (
    <form class="panel stack" method="post" action={`/quarantine/${quarantineId}/correct`}>
      <input type="hidden" name="replaces" value={correctedAt ?? ""} />
      <label>
        What the line should be{correctedAt === null ? "" : " (as it was corrected last)"}
        <textarea name="line" rows={3} required spellcheck={false} class="code">
          {corrected ?? content ?? ""}
        </textarea>
      </label>
      <div>
        <button type="submit" class="primary">
          Correct it and process it again
        </button>{" "}
        <Badge tone="quiet">the line as it came stays kept</Badge>
      </div>
    </form>
  );
}
