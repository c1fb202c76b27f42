import { Name, None } from "../components/format.tsx";
import type { z } from "zod";
import { word } from "../../api/server/lists.ts";
import type { auditTotals } from "../../api/ops/audit.ts";
import { auditOrders, type AuditRow } from "../../queries/ops/audit.ts";
import { Filters } from "../components/filters.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, type Json } from "../shared/json.ts";
import { page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { withQuery, type Web } from "../shared/web.ts";

type Entry = Json<Omit<AuditRow, "details">> & { details: Record<string, unknown> };

const who = ["admin"] as const;
const query = {
  actor: word.optional(),
  action: word.optional(),
  subject: word.optional(),
  ...sortedQuery(auditOrders),
};
const path = "/api/v1/ops/audit";

/** Who did what by hand. */
export function auditPages(web: Web): void {
  page(web, { url: "/audit", who: [...who], query }, async (at) => {
    const [list, { totals, json }] = await Promise.all([
      callList<Entry>(web, at, { path, query: at.query }),
      callTotals<z.infer<typeof auditTotals>>(web, at, { path, query: at.query }),
    ]);
    const known = (name: "actor" | "action") => [...new Set(list.items.map((entry) => entry[name]))];
    const filtered = (name: "actor" | "action" | "subject"): Partial<Column<Entry>> => ({
      show: (entry) => <a href={withQuery(at.url, { [name]: entry[name] })}>{shownAs(name, entry[name])}</a>,
    });
    return {
      title: "Audit log",
      body: (
        <>
          <PageHead title="Audit log" lead="Who did what by hand. Entries cannot be changed or removed.">
            <ExportLink url={at.url} />
          </PageHead>
          <Filters
            url={at.url}
            filters={[
              { name: "actor", label: "Who", kind: "text", suggestions: known("actor") },
              { name: "action", label: "What", kind: "text", suggestions: known("action") },
              { name: "subject", label: "Of what", kind: "search" },
            ]}
          />
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["entries", "Entries", totals.entries],
              ["actors", "People and commands", totals.actors],
            ]}
          />
          <ListTable
            at={at}
            list={list}
            orders={auditOrders}
            columns={columns.map((column) =>
              column.name === "actor" || column.name === "action" || column.name === "subject"
                ? { ...column, ...filtered(column.name) }
                : column,
            )}
            caption="Acts of people"
            empty={
              <Empty title="No entry">
                Under these filters nothing was done by hand. <a href="/audit">Look at everything</a>
              </Empty>
            }
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/audit.csv", who: [...who], query }, (at) => ({
    name: "audit.csv",
    path,
    query: at.query,
    columns,
  }));
}

const shownAs = (name: string, text: string) => (name === "action" ? text.replaceAll("_", " ") : text);

const whyNoRole = (actor: string) =>
  actor.startsWith("cli:")
    ? "from the command line"
    : actor.startsWith("temporal:")
      ? "from Temporal"
      : "by the system itself";

const columns: readonly Column<Entry>[] = [
  { name: "at", label: "When", kind: "moment", value: ({ at }) => new Date(at) },
  { name: "actor", label: "Who", kind: "text", value: ({ actor }) => actor },
  {
    name: "role",
    label: "As",
    kind: "text",
    value: ({ role }) => role,
    why: ({ actor }) => whyNoRole(actor),
    isExtra: true,
  },
  { name: "action", label: "What", kind: "text", value: ({ action }) => action },
  { name: "subject", label: "Of what", kind: "text", value: ({ subject }) => subject },
  {
    name: "details",
    label: "Details",
    kind: "text",
    isLocal: true,
    isExtra: true,
    value: ({ details }) => JSON.stringify(details),
    show: ({ details }) => <Details details={details} />,
  },
];

function Details({ details }: { details: Record<string, unknown> }) {
  return (
    <>
      {Object.entries(details).map(([name, value]) => (
        <div key={name} class="wrap">
          <span class="quiet">{name}</span>{" "}
          {value === null ? (
            <None why={null} />
          ) : (
            <Name of={typeof value === "string" ? value : JSON.stringify(value)} />
          )}
        </div>
      ))}
    </>
  );
}
