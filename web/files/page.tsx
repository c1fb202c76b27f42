import { z } from "zod";
import { day, word } from "../../api/server/lists.ts";
import { fileOrders } from "../../queries/files/files.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { saysSpend } from "../../rules/files/file-kinds.ts";
import { Badge, countText, moneyText, None, Origin, type Tone } from "../components/format.tsx";
import { Filters, type Filter } from "../components/filters.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { currencyOf } from "../rtb/creatives.tsx";
import { callList, callTotals } from "../shared/json.ts";
import { page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { readers, type Web } from "../shared/web.ts";
import { imports, type FileTotals, type ListedImport } from "./answers.ts";
import { UploadForm } from "./upload.tsx";

const query = {
  outcome: z.enum(["ingested", "refused"]).optional(),
  mapping: word.optional(),
  day: day.optional(),
  ...sortedQuery(fileOrders),
};

const Totals = ({ totals, json }: { totals: FileTotals; json: string }) => (
  <Counts
    json={json}
    of={[
      ["files", "Files", totals.files],
      ["refused", "Refused", totals.refused],
      ["lines", "Lines", totals.lines],
      ["imported", "Imported", totals.imported],
      ["rejected", "Rejected", totals.rejected],
    ]}
  />
);

const filters: readonly Filter[] = [
  {
    name: "outcome",
    label: "Result",
    kind: "choice",
    choices: [
      ["", "any"],
      ["ingested", "imported"],
      ["refused", "refused"],
    ],
  },
  { name: "mapping", label: "Read as", kind: "text" },
  { name: "day", label: "Has rows of", kind: "date" },
];

/** The files that hold a day. */
export const filesAddress = ({ mapping, day: of }: { mapping: string; day: string }) =>
  `/files?mapping=${encodeURIComponent(mapping)}&day=${of}`;

/** Files of ad performance: a new one, and what became of each. */
export function filePages(web: Web): void {
  page(web, { url: "/files", who: readers, query }, async (at) => {
    const asked = { path: imports, query: { ...at.query, limit: 50 } };
    const [list, { totals, json }] = await Promise.all([
      callList<ListedImport>(web, at, asked),
      callTotals<FileTotals>(web, at, asked),
    ]);
    const hasFilter = filters.some(({ name }) => at.url.searchParams.has(name));
    return {
      title: "Files",
      scripts: ["upload.js"],
      body: (
        <>
          <PageHead title="Files" lead="Files of ad performance.">
            <a class="button" href="/quarantine">
              Quarantine
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          {at.viewer.isKeeper ? <UploadForm /> : null}
          <Filters url={at.url} filters={filters} />
          {totals.files === 0 ? null : <Totals totals={totals} json={json} />}
          <ListTable
            at={at}
            list={list}
            orders={fileOrders}
            columns={columnsFor(currencyOf(at.parts, at.viewer.client))}
            caption="Files"
            empty={
              hasFilter ? (
                <Empty title="No such file">
                  {at.query.day === undefined
                    ? "Choose other filters."
                    : `No file has rows of ${at.query.day}. Choose one that has it above.`}
                </Empty>
              ) : (
                <Empty title="No file yet">
                  Choose one above: exports of Authorized Buyers, Google Ads and Meta are recognised. To try it:
                  examples/performance.csv
                </Empty>
              )
            }
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/files.csv", who: readers, query }, (at) => ({
    name: "files.csv",
    path: imports,
    query: at.query,
    columns: [...columnsFor(currencyOf(at.parts, at.viewer.client)), originColumn],
  }));
}

const outcomes: Record<string, [string, Tone]> = {
  ingested: ["imported", "good"],
  already_ingested: ["imported before", "quiet"],
  refused: ["refused", "bad"],
  checked: ["checked", "note"],
};

export function Outcome({ status }: { status: string }) {
  const [text, tone] = outcomes[status] ?? [status, "quiet"];
  return <Badge tone={tone}>{text}</Badge>;
}

const columnsFor = (currency: string): readonly Column<ListedImport>[] => [
  {
    name: "name",
    label: "File",
    kind: "text",
    value: (row) => row.name,
    isLong: true,
    show: ({ name, importId, origin }) => (
      <>
        <a href={`/files/${importId}`}>{name}</a> <Origin of={origin} />
      </>
    ),
  },
  {
    name: "status",
    label: "Result",
    kind: "text",
    value: (row) => row.status,
    show: ({ status, rejected }) => (
      <>
        <Outcome status={status} />{" "}
        {rejected > 0 && status === "ingested" ? <Badge tone="warning">{countText(rejected)} rejected</Badge> : null}
      </>
    ),
  },
  { name: "lines", label: "Lines", kind: "count", value: (row) => row.lines },
  { name: "imported", label: "Imported", kind: "count", value: (row) => row.imported },
  { name: "rejected", label: "Rejected", kind: "count", value: (row) => row.rejected, isFileOnly: true },
  moneyIn<ListedImport>(currency)("sums.spend", "Spend", (row) => row.sums.spend, {
    show: ({ source, sums }) =>
      saysSpend(source) ? moneyText(sums.spend, currency) : <None why="such a report has no spend" />,
  }),
  { name: "days.from", label: "First day", kind: "day", value: (row) => row.days.from, isExtra: true },
  { name: "days.to", label: "Last day", kind: "day", value: (row) => row.days.to, isExtra: true },
  {
    name: "replacedSince",
    label: "Replaced since",
    kind: "count",
    value: (row) => row.replacedSince,
    isExtra: true,
  },
  { name: "mapping", label: "Read as", kind: "text", value: (row) => row.mapping, isExtra: true },
  { name: "committedAt", label: "When", kind: "moment", value: (row) => new Date(row.committedAt) },
];
