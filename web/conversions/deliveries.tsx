import { z } from "zod";
import { deliveryStates } from "../../queries/conversions/list-deliveries.ts";
import { word } from "../../api/server/lists.ts";
import { Badge, countText, type Tone } from "../components/format.tsx";
import { Empty, ExportLink, Figure, Kept, NextPage, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList } from "../shared/json.ts";
import { call, form, get, page } from "../shared/page.tsx";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import type { Delivery, DeliveryCounts } from "./answers.ts";
import { shortKey } from "./short-key.ts";

const tones: Record<Delivery["state"], Tone> = {
  pending: "note",
  sending: "note",
  delivered: "good",
  failed: "bad",
  expired: "quiet",
  held: "warning",
};
const query = {
  destination: word.optional(),
  state: z.enum(deliveryStates).optional(),
  conversion: word.optional(),
  cursor: z.string().max(1_000).optional(),
};

const path = "/api/v1/deliveries";

/** Conversions on their way to Meta, HubSpot and others: what became of each, and a retry. */
export function deliveryPages(web: Web): void {
  page(web, { url: "/deliveries", who: readers, query }, async (at) => {
    const [{ items, next, url }, counts] = await Promise.all([
      callList<Delivery>(web, at, { path, query: at.query }),
      get<DeliveryCounts>(web, at.request, "/api/v1/deliveries/counts"),
    ]);
    return {
      title: "Deliveries",
      body: (
        <>
          <PageHead title="Deliveries" lead="Conversions on their way to other systems.">
            <ExportLink url={at.url} />
          </PageHead>
          <div class="cards">
            {counts.items.map(({ destination, state, deliveries }, index) => (
              <Figure
                key={`${destination} ${state}`}
                label={`${destination}: ${state}`}
                value={countText(deliveries)}
                href={`/deliveries?destination=${destination}&state=${state}`}
                fact={{
                  json: "/api/v1/deliveries/counts",
                  field: `items.${index}.deliveries`,
                  value: String(deliveries),
                }}
              />
            ))}
          </div>
          <form class="filters" method="get" action="/deliveries">
            <Kept url={at.url} except={["destination", "state", "conversion", "cursor"]} />
            <label>
              Destination
              <input name="destination" value={at.query.destination} size={10} />
            </label>
            <label>
              State
              <select name="state">
                <option value="">any</option>
                {deliveryStates.map((state) => (
                  <option key={state} value={state} selected={at.query.state === state}>
                    {state}
                  </option>
                ))}
              </select>
            </label>
            <button type="submit">Filter</button>
          </form>
          <DeliveryTable rows={items} at={at} json={{ url, path: "items" }} />
          <NextPage url={at.url} next={next} />
        </>
      ),
    };
  });

  exportList(web, { url: "/deliveries.csv", who: readers, query }, (at) => ({
    name: "deliveries.csv",
    path,
    query: at.query,
    columns: columnsFor(false),
  }));

  const wanted = z.object({ destination: word, conversion: word });
  form(
    web,
    { url: "/deliveries/retry", who: keepers, body: wanted },
    async ({ request }, { destination, conversion }) => {
      await call(web, request, { method: "POST", url: "/api/v1/deliveries/retry", body: { destination, conversion } });
      return `/deliveries?conversion=${encodeURIComponent(conversion)}`;
    },
  );
}

interface DeliveryTableProps {
  rows: readonly Delivery[];
  at: Pick<At<unknown>, "viewer" | "zone">;
  json?: { url: string; path: string };
}

export function DeliveryTable({ rows, at, json }: DeliveryTableProps) {
  const isOpen = rows.some(({ state }) => state === "pending" || state === "sending");
  return (
    <section
      aria-labelledby="deliveries"
      id="delivery-list"
      {...(isOpen && rows.length <= 5 ? { "data-live": "3" } : {})}
    >
      <h2 id="deliveries">Deliveries</h2>
      <Table
        columns={columnsFor(at.viewer.isKeeper)}
        rows={rows}
        caption="Deliveries"
        zone={at.zone}
        json={json}
        empty={<Empty title="Nothing was sent">No destination has a key, or none takes conversions like these.</Empty>}
      />
    </section>
  );
}

/** A delivery names the feed before the feed's own key: `everflow:ab12`. */
function conversionHref(conversionKey: string): string {
  const [feed = "", ...rest] = conversionKey.split(":");
  return `/conversions/${feed}/${encodeURIComponent(rest.join(":"))}`;
}

function columnsFor(isKeeper: boolean): Column<Delivery>[] {
  const retry: Column<Delivery> = {
    name: "retry",
    label: "Again",
    kind: "text",
    isLocal: true,
    value: () => null,
    show: ({ state, destination, conversionKey }) =>
      state === "failed" || state === "held" ? (
        <form method="post" action="/deliveries/retry">
          <input type="hidden" name="destination" value={destination} />
          <input type="hidden" name="conversion" value={conversionKey} />
          <button type="submit" aria-label={`Retry ${conversionKey} to ${destination}`}>
            Retry
          </button>
        </form>
      ) : (
        ""
      ),
  };
  return [
    { name: "destination", label: "Destination", kind: "text", value: (row) => row.destination },
    {
      name: "state",
      label: "State",
      kind: "text",
      value: (row) => row.state,
      show: ({ state }) => <Badge tone={tones[state]}>{state}</Badge>,
    },
    {
      name: "conversionKey",
      label: "Conversion",
      kind: "text",
      value: (row) => row.conversionKey,
      show: ({ conversionKey }) => <a href={conversionHref(conversionKey)}>{shortKey(conversionKey)}</a>,
    },
    { name: "eventName", label: "As", kind: "text", value: (row) => row.eventName, isFileOnly: true },
    { name: "value", label: "Value", kind: "money", value: (row) => row.value, currency: (row) => row.currency ?? "" },
    { name: "attempts", label: "Tries", kind: "count", value: (row) => row.attempts, isExtra: true },
    { name: "lastAnswer", label: "Answer", kind: "text", value: (row) => row.lastAnswer, isLong: true },
    {
      name: "eventTime",
      label: "Converted",
      kind: "moment",
      value: (row) => new Date(row.eventTime),
      isFileOnly: true,
    },
    {
      name: "deliveredAt",
      label: "Delivered",
      kind: "moment",
      value: (row) => (row.deliveredAt === null ? null : new Date(row.deliveredAt)),
    },
    ...(isKeeper ? [retry] : []),
  ];
}
