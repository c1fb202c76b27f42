import type { ComponentChildren } from "preact";
import { z } from "zod";
import { deliveryOrders, deliveryStates } from "../../queries/conversions/list-deliveries.ts";
import { word } from "../../api/server/lists.ts";
import { Filters, type Filter } from "../components/filters.tsx";
import { Badge, countText, type Tone } from "../components/format.tsx";
import { Counts, Empty, ExportLink, Figure, PageHead } from "../components/parts.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals } from "../shared/json.ts";
import { call, form, get, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import type { Delivery, DeliveryCounts, DeliveryTotals } from "./answers.ts";
import { shortKey } from "../components/short-key.ts";

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
  ...sortedQuery(deliveryOrders),
};

const path = "/api/v1/deliveries";

const filters: readonly Filter[] = [
  { name: "destination", label: "Destination", kind: "text" },
  {
    ...{ name: "state", label: "State", kind: "choice" },
    choices: [["", "any"], ...deliveryStates.map((state) => [state, state] as const)],
  },
];

/** Conversions on their way to Meta, HubSpot and others: what became of each, and a retry. */
export function deliveryPages(web: Web): void {
  page(web, { url: "/deliveries", who: readers, query }, async (at) => {
    const [list, { totals, json }, counts] = await Promise.all([
      callList<Delivery>(web, at, { path, query: at.query }),
      callTotals<DeliveryTotals>(web, at, { path, query: at.query }),
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
          <Filters url={at.url} filters={filters} />
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["deliveries", "Deliveries", totals.deliveries],
              ["delivered", "Delivered", totals.delivered],
              ["failed", "Failed", totals.failed],
              ["waiting", "Waiting", totals.waiting],
            ]}
          />
          <DeliverySection rows={list.items}>
            <ListTable
              at={at}
              list={list}
              columns={columnsFor(at.viewer.isKeeper)}
              orders={deliveryOrders}
              caption="Deliveries"
              empty={nothing}
            />
          </DeliverySection>
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

const nothing = <Empty title="Nothing was sent">No destination has a key, or none takes conversions like these.</Empty>;

interface DeliveryTableProps {
  rows: readonly Delivery[];
  at: Pick<At<unknown>, "viewer" | "zone">;
}

/** Those of one conversion. */
export function DeliveryTable({ rows, at }: DeliveryTableProps) {
  return (
    <DeliverySection rows={rows}>
      <Table columns={columnsFor(at.viewer.isKeeper)} rows={rows} caption="Deliveries" zone={at.zone} empty={nothing} />
    </DeliverySection>
  );
}

/** Refreshes itself while few are looked at and one of them is on its way. */
function DeliverySection({ rows, children }: { rows: readonly Delivery[]; children: ComponentChildren }) {
  const isOpen = rows.some(({ state }) => state === "pending" || state === "sending");
  return (
    <section
      aria-labelledby="deliveries"
      id="delivery-list"
      {...(isOpen && rows.length <= 5 ? { "data-live": "3" } : {})}
    >
      <h2 id="deliveries">Deliveries</h2>
      {children}
    </section>
  );
}

/** A delivery names the feed before the feed's own key: `everflow:ab12`. */
function conversionHref(conversionKey: string): string {
  const [feed = "", ...rest] = conversionKey.split(":");
  return `/conversions/${feed}/${encodeURIComponent(rest.join(":"))}`;
}

/** What did not arrive, and can be sent once more. */
function Retry({ of: { destination, conversionKey } }: { of: Delivery }) {
  return (
    <form method="post" action="/deliveries/retry">
      <input type="hidden" name="destination" value={destination} />
      <input type="hidden" name="conversion" value={conversionKey} />
      <button type="submit" aria-label={`Retry ${conversionKey} to ${destination}`}>
        Retry
      </button>
    </form>
  );
}

function columnsFor(isKeeper: boolean): Column<Delivery>[] {
  return [
    { name: "destination", label: "Destination", kind: "text", value: (row) => row.destination },
    {
      name: "state",
      label: "State",
      kind: "text",
      value: (row) => row.state,
      show: (row) => (
        <>
          <Badge tone={tones[row.state]}>{row.state}</Badge>
          {isKeeper && (row.state === "failed" || row.state === "held") ? <Retry of={row} /> : null}
        </>
      ),
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
      isExtra: true,
    },
    {
      name: "deliveredAt",
      label: "Delivered",
      kind: "moment",
      value: (row) => (row.deliveredAt === null ? null : new Date(row.deliveredAt)),
    },
  ];
}
