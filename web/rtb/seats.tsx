import { z } from "zod";
import { word } from "../../api/server/lists.ts";
import { seatOrders } from "../../queries/rtb/seats.ts";
import { originColumn } from "../components/columns.ts";
import { Badge, Name, None, Origin, type Tone } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, Notice, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals } from "../shared/json.ts";
import type { Answer } from "../../api/server/call-route.ts";
import { call, form, get, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import type { FetchedThumbnails } from "../../workflows/rtb/fetch-thumbnails.ts";
import { rtb, type Seat, type SeatTotals, type ThumbnailState } from "./answers.ts";
import { momentOf } from "./marks.tsx";
import { ThumbnailPanel } from "./thumbnail-panel.tsx";

const query = {
  ...sortedQuery(seatOrders),
  /** What was just asked for: its workflow where that goes on, and what it found where it is over. */
  running: z.string().max(500).optional(),
  since: z.iso.datetime().optional(),
  found: z.string().max(500).optional(),
};
type Query = z.output<z.ZodObject<typeof query>>;

const seats = `${rtb}/seats`;
const thumbnails = `${rtb}/thumbnails`;
/** Pictures come one after the other: none for so long, and that was the last. */
const quietMs = 15_000;
interface Running {
  state: "running";
  workflowId: string;
}
interface Synced {
  listed: number;
  inserted: number;
  updated: number;
  returned: number;
  vanished: number;
}

/** Buyer accounts with their creatives, and the exchange asked for them. */
export function seatPages(web: Web): void {
  page(web, { url: "/seats", who: readers, query }, async (at) => {
    const { sort, cursor } = at.query;
    const [list, { totals, json }, pictures] = await Promise.all([
      callList<Seat>(web, at, { path: seats, query: { sort, cursor } }),
      callTotals<SeatTotals>(web, at, { path: seats, query: {} }),
      get<ThumbnailState>(web, at.request, thumbnails),
    ]);
    return {
      title: "Seats",
      body: (
        <>
          <PageHead title="Seats" lead="Buyer accounts at the exchange. Their creatives are synced every morning.">
            <a class="button" href="/creatives">
              Creatives
            </a>
            {at.viewer.isKeeper ? (
              <form method="post" action="/seats/discover">
                <button type="submit">Discover seats</button>
              </form>
            ) : null}
            <ExportLink url={at.url} without={["running", "since", "found"]} />
          </PageHead>
          <Told at={at} items={list.items} lastFetch={pictures.lastFetch} />
          <Exchange items={list.items} />
          {totals.seats === 0 ? null : <Totals of={totals} json={json} />}
          <ListTable
            at={at}
            list={list}
            orders={seatOrders}
            columns={[...columns, ...(at.viewer.isKeeper ? [syncColumn] : [])]}
            caption="Seats"
            empty={
              <Empty title="No seat yet">
                “Discover seats” asks the exchange for those that the key may see; or load a list:{" "}
                <code>PUT {seats}</code>
              </Empty>
            }
          />
          <ThumbnailPanel of={pictures} json={thumbnails} zone={at.zone} isKeeper={at.viewer.isKeeper} />
        </>
      ),
    };
  });

  exportList(web, { url: "/seats.csv", who: readers, query: { sort: query.sort } }, (at) => ({
    name: "seats.csv",
    path: seats,
    query: at.query,
    columns: [...columns, originColumn],
  }));

  form(web, { url: "/seats/discover", who: keepers, body: z.object({}) }, async ({ request }) => {
    const asked = await call<Running | { seats: unknown[] }>(web, request, {
      method: "POST",
      url: `${seats}/discover`,
    });
    return back(asked, (done) => `${done.seats.length} ${done.seats.length === 1 ? "seat" : "seats"} found`);
  });
  form(web, { url: "/seats/thumbnails", who: keepers, body: z.object({}) }, async ({ request }) => {
    const asked = await call<Running | Omit<FetchedThumbnails, "client">>(web, request, {
      method: "POST",
      url: `${thumbnails}/fetch`,
    });
    return back(asked, ({ consents, stored, refused, failed }) =>
      consents ? `${stored} pictures fetched, ${refused} refused, ${failed} failed` : "no consent: nothing was fetched",
    );
  });
  form(web, { url: "/seats/sync", who: keepers, body: z.object({ buyer_id: word }) }, async ({ request }, body) => {
    const url = `${seats}/${encodeURIComponent(body.buyer_id)}/sync`;
    const asked = await call<Running | { seats: Synced[] }>(web, request, { method: "POST", url });
    return back(asked, ({ seats: [of] }) =>
      of === undefined
        ? "nothing was listed"
        : `seat ${body.buyer_id}: ${of.listed} listed, ${of.inserted} new, ${of.updated} changed, ${of.returned} returned, ${of.vanished} vanished`,
    );
  });
}

/** The page again, with what came of it. */
function back<Done extends object>({ body }: Answer<Running | Done>, tell: (done: Done) => string): string {
  const told: Record<string, string> =
    "workflowId" in body ? { running: body.workflowId, since: new Date().toISOString() } : { found: tell(body) };
  return `/seats?${new URLSearchParams(told)}`;
}

const Totals = ({ of, json }: { of: SeatTotals; json: string }) => (
  <Counts
    json={json}
    isMore={of.isMore}
    of={[
      ["seats", "Seats", of.seats],
      ["creatives", "Creatives", of.creatives],
      ["approved", "Approved", of.approved],
      ["pending", "In review", of.pending],
      ["disapproved", "Disapproved", of.disapproved],
      ["vanished", "Vanished", of.vanished],
    ]}
  />
);

interface ToldProps {
  at: At<Query>;
  items: readonly Seat[];
  lastFetch: string | null;
}

function Told({ at: { query: asked, parts, now }, items, lastFetch }: ToldProps) {
  const { running, since, found } = asked;
  if (found !== undefined)
    return (
      <Notice tone="good" title="Done">
        <Name of={found} />
      </Notice>
    );
  if (running === undefined || since === undefined) return null;
  const ofPictures = running.includes("fetch-thumbnails/");
  const isOver = ofPictures
    ? (lastFetch ?? "") > since && now.getTime() - Date.parse(lastFetch ?? "") > quietMs
    : items.some(({ buyerId, lastSync }) => running.endsWith(`/${buyerId}`) && (lastSync ?? "") > since);
  const [over, under] = ofPictures
    ? ["Fetched", "Pictures are being fetched"]
    : ["Synced", "The exchange is being asked"];
  return (
    <div id="running" {...(isOver ? {} : { "data-live": "2", "data-then": "reload" })}>
      <Notice tone={isOver ? "good" : "note"} title={isOver ? over : under}>
        <WorkflowLink parts={parts} workflowId={running}>
          {isOver ? "Its workflow" : "Follow it in Temporal"}
        </WorkflowLink>
      </Notice>
    </div>
  );
}

/** Whether an exchange is connected the worker knows, which has its key; here is known what came of it. */
function Exchange({ items }: { items: readonly Seat[] }) {
  const synced = items.filter(({ lastSync }) => lastSync !== null);
  if (synced.some(({ origin }) => origin === "real")) return null;
  return (
    <Notice tone="note">
      {synced.length === 0 ? (
        <>
          No seat was synced yet. The worker needs <code>AUTHORIZED_BUYERS_KEY</code>, the key of a service account, or
          the sandbox. Seats and creatives can be loaded from files all the same.
        </>
      ) : (
        "The exchange is the sandbox: its seats and creatives are made up."
      )}
    </Notice>
  );
}

const outcomes: Record<NonNullable<Seat["lastOutcome"]>, { tone: Tone; word: string }> = {
  synced: { tone: "good", word: "synced" },
  emptied: { tone: "warning", word: "empty list, not believed" },
  short: { tone: "warning", word: "short list, not believed" },
  failed: { tone: "bad", word: "failed" },
};

const columns: Column<Seat>[] = [
  {
    name: "buyerId",
    label: "Seat",
    kind: "text",
    value: (row) => row.buyerId,
    show: ({ buyerId, origin }) => (
      <>
        <a href={`/creatives?period=all&buyer_id=${encodeURIComponent(buyerId)}`}>{buyerId}</a> <Origin of={origin} />
      </>
    ),
  },
  { name: "displayName", label: "Name", kind: "text", value: (row) => row.displayName },
  { name: "bidderAccountId", label: "Bidder", kind: "text", value: (row) => row.bidderAccountId, isExtra: true },
  { name: "creativeCount", label: "Creatives", kind: "count", value: (row) => row.creativeCount },
  { name: "approved", label: "Approved", kind: "count", value: (row) => row.approved },
  { name: "pending", label: "In review", kind: "count", value: (row) => row.pending, isExtra: true },
  { name: "disapproved", label: "Disapproved", kind: "count", value: (row) => row.disapproved },
  { name: "vanished", label: "Vanished", kind: "count", value: (row) => row.vanished, isExtra: true },
  {
    name: "lastSync",
    label: "Last sync",
    kind: "moment",
    value: (row) => momentOf(row.lastSync),
    why: () => "never synced",
  },
  {
    name: "lastOutcome",
    label: "What came of it",
    kind: "text",
    value: (row) => row.lastOutcome,
    show: ({ lastOutcome, lastReason }) =>
      lastOutcome === null ? (
        <None why="never synced" />
      ) : (
        <>
          <Badge tone={outcomes[lastOutcome].tone}>{outcomes[lastOutcome].word}</Badge>{" "}
          {lastReason === null ? null : <Name of={lastReason} />}
        </>
      ),
  },
];

const syncColumn: Column<Seat> = {
  name: "sync",
  label: "",
  kind: "text",
  isLocal: true,
  value: () => null,
  // An example's seat is none of the exchange's.
  show: ({ buyerId, lastSync, bidderAccountId }) =>
    lastSync === null && bidderAccountId === null ? null : (
      <form method="post" action="/seats/sync">
        <input type="hidden" name="buyer_id" value={buyerId} />
        <button type="submit" aria-label={`Sync seat ${buyerId}`}>
          Sync
        </button>
      </form>
    ),
};
