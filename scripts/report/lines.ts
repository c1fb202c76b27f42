import type { CpaAffiliate, CpaTotal } from "../../queries/cost/cpa.ts";
import { count, plain, table, type Cell } from "../shared/printing.ts";
import { caveats, type CpaReport } from "./cpa-report.ts";

const headings = [
  "affiliate",
  "counts",
  "",
  "conversions",
  "payout",
  "spend",
  "clicks",
  "final cost",
  "CPA",
  "revenue",
  "margin",
  "ROAS",
];

/** The report for a terminal. */
export function reportLines(report: CpaReport): string[] {
  const { affiliates, totals, unmapped } = report;
  const notes = affiliates.filter((row) => row.note !== null);
  const mark = (row: CpaAffiliate) => (row.note === null ? "" : ` [${notes.indexOf(row) + 1}]`);
  const warnings = caveats(report);
  const summed = totals.filter((total) => total.finalCost !== null || total.efConversions !== null);
  return [
    `Client ${report.client}, ${report.from} to ${report.to}, days of America/New_York`,
    "",
    ...(affiliates.length === 0
      ? ["nothing is stored for these days"]
      : table(headings, [
          ...affiliates.map((row) =>
            cells(
              `${plain(row.affiliate)}${row.origin === "sandbox" ? " (sandbox)" : ""}${mark(row)}`,
              row.costBasis,
              row,
            ),
          ),
          ...summed.map((total) => cells(`total ${named(total)}`, "", total)),
        ])),
    ...(notes.length === 0
      ? []
      : [
          "",
          ...notes.map((row, index) => `[${index + 1}] ${plain(row.affiliate)}, ${row.currency}: ${row.note ?? ""}`),
        ]),
    ...(unmapped.length === 0
      ? []
      : [
          "",
          `${count(unmapped.length, "source")} with spend and no affiliate, beside the totals:`,
          ...table(
            ["source", "id", "spend", "", "clicks", "days"],
            [
              ...unmapped.map((row): Cell[] => [
                plain(row.sourceName ?? "") + (isMadeUp(row) ? " (sandbox)" : ""),
                plain(row.sourceId),
                row.cost,
                row.currency,
                row.clicks,
                row.days,
              ]),
              ...totals
                .filter((total) =>
                  unmapped.some((row) => row.currency === total.currency && isMadeUp(row) === isMadeUp(total)),
                )
                .map((total): Cell[] => [`total ${named(total)}`, "", total.unmappedSpend, total.currency, "", ""]),
            ],
          ),
        ]),
    "",
    ...(warnings.length === 0 ? ["every day of both sources is final"] : warnings),
  ];
}

function cells(name: string, basis: string, row: CpaAffiliate | CpaTotal): Cell[] {
  const { currency, efConversions, efPayout, rtSpend, rtClicks, finalCost, cpa, revenue, margin, roas } = row;
  return [name, basis, currency, efConversions, efPayout, rtSpend, rtClicks, finalCost, cpa, revenue, margin, roas];
}

const isMadeUp = ({ origin }: { origin: string }) => origin === "sandbox";

const named = (total: CpaTotal) => `${isMadeUp(total) ? "sandbox " : ""}${total.currency}`;
