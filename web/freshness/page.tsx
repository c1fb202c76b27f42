import { randomUUID } from "node:crypto";
import { z } from "zod";
import { notFound } from "../../api/server/errors.ts";
import { day, word } from "../../api/server/lists.ts";
import { gridSorts, inOrderOfDays } from "../../queries/sync/freshness-grid.ts";
import type { Feed } from "../../queries/sync/feeds.ts";
import { Badge, Origin } from "../components/format.tsx";
import { Empty, ExportLink, PageHead, PeriodPicker } from "../components/parts.tsx";
import { StateBadge } from "../components/state.tsx";
import { Table, type Column } from "../components/table.tsx";
import { receiptColumns, receiptLink, type ListedReceipt } from "../receipts/columns.tsx";
import { toCsv } from "../shared/csv.ts";
import { callList, jsonAddress } from "../shared/json.ts";
import { call, download, form, get, page } from "../shared/page.tsx";
import { periodQuery, readPeriod } from "../shared/period.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { exportedDay, fileColumns, FileFeeds, fileGridAddress, readFileGrid, type ExportedDay } from "./files.tsx";
import { SettlingSection, type Settling } from "./settling.tsx";
import { GridTable, isAnySandbox, Legend, OpenStates, type Cell, type GridColumn } from "./grid.tsx";

interface Grid {
  feeds: (Feed & { late: string | null })[];
  items: Cell[];
}
interface Started {
  runId: string;
  isPlanned: boolean;
}

/** Which days are there, how far each can be believed, and fetching those that are not. */
export function freshnessPages(web: Web): void {
  gridPages(web);
  dayPage(web);
  form(web, { url: "/freshness/sync", who: keepers, body: z.object({ source: word, key: word }) }, async (at, body) => {
    const { source, key } = body;
    return goTo(await start(web, at, { url: "/api/v1/ops/syncs", body: { source }, key }));
  });
  form(web, { url: "/freshness/backfill", who: keepers, body: backfillBody }, async (at, { key, act, ...range }) => {
    const body = { ...range, dryRun: act !== "write", acceptEmpty: range.acceptEmpty === "yes" };
    return goTo(await start(web, at, { url: "/api/v1/ops/backfills", body, key }));
  });
}

const backfillBody = z.object({
  ...{ source: word, from: day, to: day, key: word },
  /** Anything but a clear "write" only looks. */
  act: z.enum(["look", "write"]).default("look"),
  acceptEmpty: z.literal("yes").optional(),
});

async function start(
  web: Web,
  { request }: Pick<At<unknown>, "request">,
  { url, body, key }: { url: string; body: object; key: string },
): Promise<Started> {
  return (await call<Started>(web, request, { method: "POST", url, body, headers: { "idempotency-key": key } })).body;
}

const goTo = ({ runId, isPlanned }: Started) =>
  isPlanned ? `/runs/${encodeURIComponent(runId)}` : "/runs?waiting=yes";

const gridAddress = ({ from, to, source }: { from: string; to: string; source?: string }) =>
  jsonAddress("/api/v1/ops/freshness/grid", { from, to, source });
const gridQuery = { ...periodQuery, sort: z.enum(gridSorts).optional() };
const readGrid = async (web: Web, at: At<unknown>, url: string) =>
  (await call<Grid>(web, at.request, { method: "GET", url })).body;

function gridPages(web: Web): void {
  page(web, { url: "/freshness", who: readers, query: gridQuery }, async (at) => {
    const period = readPeriod(at.query, at.today, "30d");
    const url = gridAddress(period);
    const settled = "/api/v1/ops/freshness/settling";
    const [{ feeds, items }, files, settling] = await Promise.all([
      readGrid(web, at, url),
      readFileGrid(web, at, period),
      get<Settling>(web, at.request, settled),
    ]);
    const columns = [...feedColumns(feeds, items), ...fileColumns(files, at.viewer.isKeeper)];
    return {
      title: "Freshness",
      body: (
        <>
          <PageHead
            title="Freshness"
            lead="Which days are there, and how far each can be believed. A day is final once it was read whole after its end."
          >
            <a class="button" href="/runs">
              Runs
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <PeriodPicker url={at.url} period={period} />
          <div class="cards">
            <Feeds feeds={feeds} items={items} isKeeper={at.viewer.isKeeper} json={url} />
            <FileFeeds {...files} isKeeper={at.viewer.isKeeper} json={fileGridAddress(period)} />
          </div>
          <Legend />
          <GridTable columns={columns} period={period} url={at.url} sort={at.query.sort ?? "-day"} />
          <SettlingSection settling={settling} json={settled} />
        </>
      ),
    };
  });
  download(web, { url: "/freshness.csv", who: readers, query: gridQuery }, async (at) => {
    const period = readPeriod(at.query, at.today, "30d");
    const [{ items }, files] = await Promise.all([
      readGrid(web, at, gridAddress(period)),
      readFileGrid(web, at, period),
    ]);
    const rows = [...items.map((item) => ({ ...item, mapping: null, fileIds: [] })), ...files.items.map(exportedDay)];
    const sorted = at.query.sort === undefined ? rows : inOrderOfDays(rows, at.query.sort);
    return { name: `freshness-${period.from}-${period.to}.csv`, text: toCsv(exportColumns, sorted) };
  });
}

/** Each feed: whether it is late, what is open, and a sync. */
function Feeds({ feeds, items, isKeeper, json }: Grid & { isKeeper: boolean; json: string }) {
  return (
    <>
      {feeds.map(({ source, late, isPulled, coveredFrom }) => {
        const of = items.filter((item) => item.source === source);
        return (
          <div class="figure-card" key={source}>
            <div class="label">{source}</div>
            <p>
              {late !== null ? (
                <Badge tone="bad">late</Badge>
              ) : !isPulled ? (
                <Badge tone="quiet">not pulled</Badge>
              ) : coveredFrom === null ? (
                <Badge tone="quiet">no scheduled run yet</Badge>
              ) : (
                <Badge tone="good">on time</Badge>
              )}{" "}
              {isAnySandbox(of) ? <Origin of="sandbox" /> : null}
            </p>
            <div class="beside">
              {late === null ? null : <p>{late}</p>}
              <p>
                {of.every(({ state }) => state === null) ? (
                  "nothing was read in these days"
                ) : (
                  <OpenStates cells={of} json={json} where={{ source }} none="every day is final" />
                )}
                {coveredFrom === null ? null : `; scheduled since ${coveredFrom}`}
              </p>
              {isKeeper && isPulled ? (
                <form method="post" action="/freshness/sync">
                  <input type="hidden" name="source" value={source} />
                  <input type="hidden" name="key" value={randomUUID()} />
                  <button type="submit">Sync now</button>
                </form>
              ) : null}
            </div>
          </div>
        );
      })}
    </>
  );
}

const feedColumns = (feeds: Grid["feeds"], items: Grid["items"]): GridColumn[] =>
  feeds.map(({ source }) => ({
    ...{ id: source, label: source },
    cells: items
      .filter((item) => item.source === source)
      .map((cell) => ({ ...cell, href: dayAddress(cell.source, cell.day), none: noneOf(cell) })),
  }));
const noneOf = ({ reason }: Cell) => (reason === "not read yet" ? "not yet" : "not scheduled");

const cellColumns: readonly Column<Cell>[] = [
  { name: "day", label: "Day", kind: "day", value: (cell) => cell.day },
  { name: "source", label: "Source", kind: "text", value: ({ source }) => source },
  { name: "state", label: "State", kind: "text", value: ({ state }) => state },
  { name: "reason", label: "Why", kind: "text", value: ({ reason }) => reason },
  { name: "rows", label: "Rows", kind: "count", value: ({ rows }) => rows },
  { name: "total", label: "Total", kind: "money", value: ({ total }) => total, currency: () => "" },
  { name: "quarantined", label: "Quarantined", kind: "count", value: ({ quarantined }) => quarantined },
  {
    ...{ name: "loadedAt", label: "Loaded", kind: "moment" },
    value: ({ loadedAt }) => (loadedAt === null ? null : new Date(loadedAt)),
  },
  {
    name: "receiptId",
    label: "Receipt",
    kind: "text",
    value: ({ receiptId }) => receiptId,
    show: ({ receiptId }) => receiptLink(receiptId),
  },
  {
    ...{ name: "origin", label: "Origin", kind: "text", value: ({ origin }) => origin },
    show: ({ origin }) => (origin === "sandbox" ? <Origin of={origin} /> : (origin ?? undefined)),
  },
];

const exportColumns: readonly Column<ExportedDay>[] = [
  ...cellColumns,
  { name: "mapping", label: "Read as", kind: "text", value: ({ mapping }) => mapping },
  { name: "fileIds", label: "Files", kind: "text", value: ({ fileIds }) => fileIds.join(" ") },
];

const place = z.object({ source: word, day });
/** The page of one day of one feed. */
export const dayAddress = (source: string, of: string) => `/freshness/${encodeURIComponent(source)}/${of}`;

function dayPage(web: Web): void {
  page(web, { url: "/freshness/:source/:day", who: readers }, async (at) => {
    const parsed = place.safeParse(at.request.params);
    if (!parsed.success) throw notFound("day");
    const { source, day: of } = parsed.data;
    const url = gridAddress({ from: of, to: of, source });
    const [{ feeds, items }, receipts] = await Promise.all([
      readGrid(web, at, url),
      callList<ListedReceipt>(web, at, { path: "/api/v1/ops/receipts", query: { source, day: of } }),
    ]);
    const [cell] = items;
    const isPulled = feeds.some((feed) => feed.source === source && feed.isPulled);
    return {
      title: `${source}, ${of}`,
      body: (
        <>
          <PageHead title={of} lead={source}>
            <a class="button" href={`/freshness?from=${of.slice(0, 8)}01&to=${of}`}>
              All days
            </a>
          </PageHead>
          <Table
            columns={cellColumns
              .filter(({ name }) => name !== "day" && name !== "source")
              .map((column) => (column.name === "state" ? stateColumn : column))}
            rows={cell === undefined ? [] : [cell]}
            zone={at.zone}
            caption={`State of ${source} on ${of}`}
            json={{ url, path: "items" }}
            empty={
              <Empty title="There is no such source">
                See which there are on the <a href="/freshness">grid</a>.
              </Empty>
            }
          />
          {at.viewer.isKeeper && isPulled ? (
            <Backfill source={source} day={of} isDoubted={cell?.reason?.includes("not taken") === true} />
          ) : null}
          <section class="panel" aria-labelledby="readings">
            <h2 id="readings">Readings of this day</h2>
            <Table
              columns={receiptColumns.filter(({ name }) => name !== "source" && name !== "slice")}
              rows={receipts.items}
              zone={at.zone}
              caption={`Receipts of ${source} ${of}, the newest first`}
              json={{ url: receipts.url, path: "items" }}
              empty={<Empty title="Never read">Fetch it with a backfill of this day.</Empty>}
            />
          </section>
        </>
      ),
    };
  });
}

const stateColumn: Column<Cell> = {
  ...{ name: "state", label: "State", kind: "text", value: ({ state }) => state },
  show: ({ state }) => (state === null ? undefined : <StateBadge state={state} />),
};

/** Reads days again: looks first, and writes only from the page that shows what would change. */
function Backfill({ source, day: of, isDoubted }: { source: string; day: string; isDoubted: boolean }) {
  return (
    <section class="panel" aria-labelledby="backfill">
      <h2 id="backfill">Read it again</h2>
      <form method="post" action="/freshness/backfill" class="filters">
        <input type="hidden" name="source" value={source} />
        <input type="hidden" name="key" value={randomUUID()} />
        <label>
          First day
          <input type="date" name="from" value={of} required />
        </label>
        <label>
          Last day
          <input type="date" name="to" value={of} required />
        </label>
        <button type="submit" name="act" value="look" class="primary">
          Dry run
        </button>
        {isDoubted ? (
          <label>
            <span>
              <input type="checkbox" name="acceptEmpty" value="yes" /> Take the answer for true even where rows are gone
            </span>
          </label>
        ) : null}
      </form>
      <p class="quiet">
        A dry run asks the vendor and shows the change in money per day. Nothing is written until you confirm it there.
      </p>
    </section>
  );
}
