import { z } from "zod";
import { addDays } from "../../core/days.ts";
import {
  readCpaByAffiliate,
  readCpaTotals,
  readReliability,
  type CpaAffiliate,
  type CpaTotal,
  type SourceDays,
} from "../../queries/cost/cpa.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { Badge, countText, moneyText, Origin } from "../components/format.tsx";
import { Empty, ExportLink, Figure, Notice, PageHead, PeriodPicker } from "../components/parts.tsx";
import { sortNames, sortRows, Table, type Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { download, page } from "../shared/page.tsx";
import { periodQuery, readPeriod, type Period } from "../shared/period.ts";
import { readers, type At, type Web } from "../shared/web.ts";
import { costDaysAddress } from "./days.tsx";
import { whyAddress } from "./why-query.ts";

const money = moneyIn<CpaAffiliate>((row) => row.currency, { why: (row) => row.note, isSortable: true });
const columns: readonly Column<CpaAffiliate>[] = [
  {
    name: "affiliate",
    label: "Affiliate",
    kind: "text",
    value: ({ affiliate }) => affiliate,
    isSortable: true,
  },
  { name: "efConversions", label: "Conversions", kind: "count", value: (row) => row.efConversions, isSortable: true },
  money("finalCost", "Cost", (row) => row.finalCost),
  money("cpa", "CPA", (row) => row.cpa),
  money("revenue", "Revenue", (row) => row.revenue),
  money("margin", "Margin", (row) => row.margin),
  {
    name: "roas",
    label: "ROAS",
    kind: "ratio",
    value: (row) => row.roas,
    isSortable: true,
    isExtra: true,
    why: (row) => row.note,
  },
  { name: "costBasis", label: "Cost is", kind: "text", value: (row) => row.costBasis, isExtra: true },
  { name: "note", label: "Note", kind: "text", value: (row) => row.note, isExtra: true },
];

const query = {
  ...periodQuery,
  sort: z.enum(sortNames(columns) as [string, ...string[]]).optional(),
};
type CostQuery = z.output<z.ZodObject<typeof query>>;

/** Cost per acquisition: per affiliate, with what belongs to nobody beside it. */
export function costPages(web: Web): void {
  page(web, { url: "/cost", who: readers, query }, async (at) => {
    const { period, of, asRead, rows } = await read(at);
    const [totals, reliability] = await Promise.all([
      readCpaTotals(at.parts.reading, of),
      readReliability(at.parts.reading, of),
    ]);
    const json = `/api/v1/cost/cpa/affiliates?from=${period.from}&to=${period.to}`;
    return {
      title: "Cost per acquisition",
      body: (
        <>
          <PageHead title="Cost per acquisition" lead="What a conversion cost, per affiliate.">
            <a class="button" href={`/cost/days?from=${period.from}&to=${period.to}`}>
              By day
            </a>
            <a
              class="button"
              href={whyAddress({ metric: "cpa", from: period.from, to: period.to, before: period.before })}
            >
              Why did it change?
            </a>
            <a class="button" href="/cost/mapping">
              Mapping
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <PeriodPicker url={at.url} period={period} />
          <Reliability days={reliability} period={period} />
          <Totals totals={totals} json={json} period={period} />
          <Table
            columns={columns.map((column) => (column.name === "affiliate" ? linked(column, period) : column))}
            rows={rows}
            zone={at.zone}
            url={at.url}
            sort={at.query.sort ?? "-finalCost"}
            caption={`Cost per acquisition per affiliate, ${period.from} to ${period.to}`}
            json={{ url: json, path: "items", indexOf: (row) => asRead.indexOf(row) }}
            rowKey={({ affiliate, affiliateId, currency, origin }) =>
              `${affiliateId ?? affiliate}/${currency}/${origin}`
            }
            empty={
              <Empty title="Nothing was fetched for these days">
                <a href="/freshness">See which days are there</a>, and fetch the missing ones from that page.
              </Empty>
            }
          />
        </>
      ),
    };
  });

  download(web, { url: "/cost.csv", who: readers, query }, async (at) => {
    const { period, rows } = await read(at);
    const currency: Column<CpaAffiliate> = {
      name: "currency",
      label: "Currency",
      kind: "text",
      value: (row) => row.currency,
    };
    return { name: `cost-${period.from}-${period.to}.csv`, text: toCsv([...columns, currency, originColumn], rows) };
  });
}

/** An affiliate leads to its days. */
const linked = (column: Column<CpaAffiliate>, period: Period): Column<CpaAffiliate> => ({
  ...column,
  show: ({ affiliate, affiliateId, isInternal, origin }) => (
    <>
      <a href={costDaysAddress({ affiliateId, affiliate }, period)}>{affiliate}</a>{" "}
      <Badge tone="quiet">{isInternal ? "internal" : "external"}</Badge> <Origin of={origin} />
    </>
  ),
});

async function read({ parts, viewer, query: asked, today }: At<CostQuery>) {
  const period = readPeriod(asked, today);
  const of = { client: viewer.client, from: period.from, to: period.to };
  const asRead = await readCpaByAffiliate(parts.reading, of);
  return { period, of, asRead, rows: sortRows(columns, asRead, asked.sort ?? "-finalCost") };
}

function Totals({ totals, json, period }: { totals: readonly CpaTotal[]; json: string; period: Period }) {
  return (
    <>
      {totals.map((total, index) => {
        const fact = (field: keyof CpaTotal) => ({
          json,
          field: `totals.${index}.${field}`,
          value: String(total[field] ?? ""),
        });
        const amount = (value: string | null) => (value === null ? "–" : moneyText(value, total.currency));
        return (
          <div class="cards" key={`${total.currency}/${total.origin}`}>
            <Figure
              label={`Cost in ${total.currency}${total.origin === "sandbox" ? " (sandbox, made up)" : ""}`}
              value={amount(total.finalCost)}
              fact={fact("finalCost")}
            >
              {period.label}
            </Figure>
            <Figure
              label="Conversions"
              value={total.efConversions === null ? "–" : countText(total.efConversions)}
              fact={fact("efConversions")}
            />
            <Figure label="CPA" value={amount(total.cpa)} fact={fact("cpa")} />
            <Figure label="Revenue" value={amount(total.revenue)} fact={fact("revenue")} />
            <Figure label="Margin" value={amount(total.margin)} fact={fact("margin")} />
            <Figure
              label="Spend of no affiliate"
              value={amount(total.unmappedSpend)}
              fact={fact("unmappedSpend")}
              href="/cost/mapping"
            >
              in none of the other figures
            </Figure>
          </div>
        );
      })}
    </>
  );
}

/** How far the figures of these days can be believed. */
export function Reliability({ days, period }: { days: readonly SourceDays[]; period: Period }) {
  const open = days.flatMap(({ source, provisional, failed, missing }) => [
    ...describe(source, "can still change", provisional),
    ...describe(source, "could not be fetched", failed),
    ...describe(source, "were never fetched", missing),
  ]);
  const madeUp = days.flatMap(({ source, sandbox }) => describe(source, "came from the sandbox", sandbox));
  if (open.length + madeUp.length === 0) return null;
  return (
    <Notice tone="warning" title={madeUp.length > 0 ? "Sandbox data, made up" : "Not final"}>
      <ul class="plain">
        {[...madeUp, ...open].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <p>
        <a href={`/freshness?from=${period.from}&to=${period.to}`}>Look at the days</a>
      </p>
    </Notice>
  );
}

function describe(source: string, what: string, days: readonly string[]): string[] {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return [];
  const isRun = addDays(first, days.length - 1) === last;
  const named =
    first === last ? first : isRun ? `${first} to ${last}` : `${days.length} days between ${first} and ${last}`;
  return [`${source}: ${named} ${what}`];
}
