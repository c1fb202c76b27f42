import { Fragment, type ComponentChildren } from "preact";
import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { notFound } from "../../api/server/errors.ts";
import { day, placeInList, word } from "../../api/server/lists.ts";
import type { ServerParts } from "../../api/server/parts.ts";
import { restatementOrders } from "../../queries/sync/list-restatements.ts";
import { receiptOrders, type FoundReceipt } from "../../queries/sync/receipt-lists.ts";
import { readFeeds } from "../../queries/sync/feeds.ts";
import { countText, Moment, None, Origin } from "../components/format.tsx";
import { Filters, type Filter } from "../components/filters.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, Fact, factsOf, Figure, Notice, PageHead } from "../components/parts.tsx";
import { StateBadge, type DayState } from "../components/state.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, jsonAddress, type Json } from "../shared/json.ts";
import { call, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { readers, type At, type Web } from "../shared/web.ts";
import {
  changeColumns,
  kinds,
  OutcomeBadge,
  plainAmount,
  receiptColumns,
  receiptLink,
  runOf,
  signed,
  type Change,
  type ChangeTotals,
  type ListedReceipt,
  type ReceiptTotals,
} from "./columns.tsx";
import { typedHere } from "../../settings/typed-here.ts";

const ofSlice = { source: word.optional(), day: day.optional(), runId: word.optional() };
const receiptsQuery = { ...ofSlice, ...sortedQuery(receiptOrders) };
const changesQuery = {
  ...ofSlice,
  ...sortedQuery(restatementOrders),
  kind: z.enum(["first", "changed", "withdrawn"]).optional(),
  receiptId: wholeNumber().optional(),
  since: z.iso.datetime({ offset: true }).optional(),
};
const receipts = "/api/v1/ops/receipts";
const changes = "/api/v1/ops/restatements";

/** What figures rest on: each reading of a day, and each value that changed since. */
export function receiptPages(web: Web): void {
  receiptList(web);
  oneReceipt(web);
  changeList(web);
}

async function sourceFilter({ parts, viewer }: Pick<At<unknown>, "parts" | "viewer">): Promise<Filter> {
  const feeds = await readFeeds(parts.reading, viewer.client);
  const choices = feeds.map(({ source }) => [source, source] as const);
  return { name: "source", label: "Source", kind: "choice", choices: [["", "all"], ...choices] };
}

function receiptList(web: Web): void {
  page(web, { url: "/receipts", who: readers, query: receiptsQuery }, async (at) => {
    const [list, { totals, json }, source] = await Promise.all([
      callList<ListedReceipt>(web, at, { path: receipts, query: at.query }),
      callTotals<ReceiptTotals>(web, at, { path: receipts, query: at.query }),
      sourceFilter(at),
    ]);
    return {
      title: "Receipts",
      body: (
        <>
          <PageHead title="Receipts" lead="Every reading of a day leaves one: what it found, and what it changed.">
            <ExportLink url={at.url} />
          </PageHead>
          <Filters
            url={at.url}
            filters={[
              source,
              { name: "day", label: "Day", kind: "date" },
              { name: "runId", label: "Run", kind: "text" },
            ]}
          />
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["receipts", "Receipts", totals.receipts],
              ["inserted", "Rows new", totals.inserted],
              ["updated", "Rows changed", totals.updated],
              ["withdrawn", "Rows withdrawn", totals.withdrawn],
              ["quarantined", "Quarantined", totals.quarantined],
              ["unreconciled", "Do not add up", totals.unreconciled],
            ]}
          />
          <ListTable
            at={at}
            list={list}
            orders={receiptOrders}
            columns={receiptColumns}
            caption="Receipts"
            empty={
              <Empty title="No receipt">
                Nothing was read under these filters. <a href="/freshness">See which days are there</a>, and sync or
                backfill from that page.
              </Empty>
            }
          />
        </>
      ),
    };
  });
  exportList(web, { url: "/receipts.csv", who: readers, query: receiptsQuery }, ({ query }) => ({
    name: "receipts.csv",
    path: receipts,
    query,
    columns: receiptColumns,
  }));
}

type Found = Json<FoundReceipt> & { change: string | null };

function oneReceipt(web: Web): void {
  page(web, { url: "/receipts/:id", who: readers, query: { cursor: placeInList } }, async (at) => {
    const { id } = at.request.params as { id: string };
    if (!/^[1-9]\d{0,14}$/.test(id)) throw notFound("receipt");
    const [{ body: found }, changed] = await Promise.all([
      call<Found>(web, at.request, { method: "GET", url: `${receipts}/${id}` }),
      callList<Change>(web, at, { path: changes, query: { receiptId: id, cursor: at.query.cursor } }),
    ]);
    return {
      title: `Receipt ${id}`,
      body: (
        <>
          <PageHead title={`Receipt #${id}`} lead={`${found.source}, ${found.day}`}>
            <a class="button" href={jsonAddress("/receipts", { source: found.source, day: found.day })}>
              All readings of this day
            </a>
            <RowsLink found={found} />
          </PageHead>
          <Standing found={found} />
          <Totals found={found} json={`${receipts}/${id}`} />
          <section class="panel" aria-labelledby="reading">
            <h2 id="reading">The reading</h2>
            <Facts found={found} json={`${receipts}/${id}`} at={at} parts={at.parts} />
          </section>
          <section class="panel" aria-labelledby="changed">
            <h2 id="changed">What it changed</h2>
            <ListTable
              at={at}
              list={changed}
              columns={changeColumns.filter(({ name }) => !["source", "slice", "receiptId", "runId"].includes(name))}
              caption="Rows that this reading wrote for the first time, changed or withdrew"
              empty={<Empty title="Nothing">Every row was the same as before.</Empty>}
            />
          </section>
        </>
      ),
    };
  });
}

/** Does the day still rest on this reading? */
function Standing({ found }: { found: Found }) {
  if (["emptied", "shrunk"].includes(found.outcome))
    return (
      <Notice tone="warning" title="This answer was not taken">
        It had lost {found.outcome === "emptied" ? "all" : "many"} of the rows that are stored. If that is true, read
        the day again and accept it: <code>{typedHere("npm run backfill -- --accept-empty")}</code>
      </Notice>
    );
  if (found.latestReceiptId !== found.receiptId)
    return (
      <Notice tone="note">
        The day was read again since. Its figures rest on receipt {receiptLink(found.latestReceiptId)}.
      </Notice>
    );
  if (found.outcome === "unreconciled")
    return (
      <Notice tone="warning" title="Does not add up">
        The rows and the vendor's own total differ: {plainAmount(found.total)} stored,{" "}
        {plainAmount(found.vendorTotal ?? "0")} by the vendor.
      </Notice>
    );
  return null;
}

function Totals({ found, json }: { found: Found; json: string }) {
  const fact = (field: keyof Found) => ({ json, field, value: String(found[field] ?? "") });
  const count = (label: string, field: "inserted" | "updated" | "unchanged" | "withdrawn" | "quarantined") => (
    <Figure label={label} value={countText(found[field])} fact={fact(field)} />
  );
  return (
    <div class="cards">
      <Figure label="Total" value={plainAmount(found.total)} fact={fact("total")}>
        {found.change === null ? (
          "first reading"
        ) : (
          <>
            <Fact of={fact("change")}>{signed(found.change)}</Fact> against the reading before
          </>
        )}
      </Figure>
      <Figure
        label="Vendor's own total"
        value={found.vendorTotal === null ? <None why="the vendor gives none" /> : plainAmount(found.vendorTotal)}
        fact={fact("vendorTotal")}
      />
      {count("Rows new", "inserted")}
      {count("Rows changed", "updated")}
      {count("Rows withdrawn", "withdrawn")}
      {count("Rows the same", "unchanged")}
      {count("Quarantined", "quarantined")}
    </div>
  );
}

interface FactsProps {
  found: Found;
  json: string;
  at: Pick<At<unknown>, "zone">;
  parts: ServerParts;
}

function Facts({ found, json, at, parts }: FactsProps) {
  const fact = factsOf(json);
  const facts: [string, ComponentChildren][] = [
    ["Day now", <StateBadge key="state" state={found.state as DayState} />],
    [
      "Sent by",
      found.origin === "sandbox" ? (
        <Origin key="origin" of="sandbox" />
      ) : found.origin === "real" ? (
        "the vendor"
      ) : (
        "not recorded"
      ),
    ],
    ["Outcome", <OutcomeBadge key="outcome" outcome={found.outcome} />],
    ["Fetched", <Moment key="fetched" at={new Date(found.fetchedAt)} zone={at.zone} seconds />],
    ["Stored", <Moment key="stored" at={new Date(found.committedAt)} zone={at.zone} seconds />],
    ["Day's time zone", found.timezone.replaceAll("_", " ")],
    [
      "Rows read",
      <Fragment key="rows">
        <Fact of={fact("fetched", found.fetched)}>{countText(found.fetched)}</Fact> in{" "}
        <Fact of={fact("pages", found.pages)}>{countText(found.pages)}</Fact> {found.pages === 1 ? "page" : "pages"}
      </Fragment>,
    ],
    [
      "Reading before",
      <Fact key="before" of={fact("previousReceiptId", found.previousReceiptId)}>
        {receiptLink(found.previousReceiptId) ?? "none"}
      </Fact>,
    ],
    ["Run", runOf(found)],
    [
      "Workflow",
      <WorkflowLink key="workflow" parts={parts} workflowId={found.workflowId} runId={found.workflowRunId} />,
    ],
    [
      "Attempt",
      <Fact key="attempt" of={fact("attempt", found.attempt)}>
        {countText(found.attempt)}
      </Fact>,
    ],
    ["Content hash", <code key="hash">{found.contentHash}</code>],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

/** Where the rows of a day are looked at. */
const rowPages: Record<string, string> = {
  "redtrack.daily_spend": "/spend",
  "everflow.daily_stats": "/cost",
  "everflow.conversions": "/conversions",
  "anytrack.pulled_conversions": "/conversions",
};

function RowsLink({ found: { source, day: of } }: { found: Pick<Found, "source" | "day"> }) {
  const path = rowPages[source];
  if (path === undefined) return null;
  return (
    <a class="button" href={jsonAddress(path, { from: of, to: of })}>
      Rows of this day
    </a>
  );
}

function changeList(web: Web): void {
  page(web, { url: "/changes", who: readers, query: changesQuery }, async (at) => {
    const [list, { totals, json }, source] = await Promise.all([
      callList<Change>(web, at, { path: changes, query: at.query }),
      callTotals<ChangeTotals>(web, at, { path: changes, query: at.query }),
      sourceFilter(at),
    ]);
    const choices = Object.entries(kinds);
    return {
      title: "Changes",
      body: (
        <>
          <PageHead
            title="Changes"
            lead="What a vendor said first and what it said later, row by row. Nothing is overwritten without a line here."
          >
            <ExportLink url={at.url} />
          </PageHead>
          <Filters
            url={at.url}
            filters={[
              source,
              { name: "day", label: "Day", kind: "date" },
              { name: "kind", label: "What", kind: "choice", choices: [["", "all"], ...choices] },
              { name: "runId", label: "Run", kind: "text" },
            ]}
          />
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["changes", "Lines", totals.changes],
              ["first", "First values", totals.first],
              ["changed", "Changed", totals.changed],
              ["withdrawn", "Withdrawn", totals.withdrawn],
            ]}
          />
          <ListTable
            at={at}
            list={list}
            orders={restatementOrders}
            columns={changeColumns}
            caption="Changes"
            empty={
              <Empty title="Nothing changed">
                Under these filters every value is still the first one. <a href="/changes">Look at all changes</a>
              </Empty>
            }
          />
        </>
      ),
    };
  });
  exportList(web, { url: "/changes.csv", who: readers, query: changesQuery }, ({ query }) => ({
    name: "changes.csv",
    path: changes,
    query,
    columns: changeColumns,
  }));
}
