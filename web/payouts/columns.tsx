import { reasonWords } from "../../rules/payouts/words.ts";
import { moneyIn } from "../components/columns.ts";
import { Name, Origin } from "../components/format.tsx";
import { shortKey } from "../components/short-key.ts";
import type { Column } from "../components/table.tsx";
import type { Line, Owed } from "./answers.ts";

const money = moneyIn<Owed>((row) => row.currency ?? "");
const count = (
  name: "approved" | "pending" | "rejected" | "corrections",
  label: string,
  more: Partial<Column<Owed>> = {},
): Column<Owed> => ({ name, label, kind: "count", value: (row) => row[name], ...more });

export const statementAddress = ({ statementId, month, affiliateId }: Owed) =>
  statementId === null
    ? `/statements/drafts/${month}/${encodeURIComponent(affiliateId)}`
    : `/statements/${statementId}`;

/** What statements come to, one row per currency. */
export function owedColumns({ isOwn = false, isOne = false } = {}): Column<Owed>[] {
  return [
    ...(isOne
      ? []
      : [
          isOwn
            ? ({
                name: "month",
                label: "Month",
                kind: "text",
                value: (row) => row.month,
                show: (row) => (
                  <>
                    <a href={statementAddress(row)}>{row.month}</a> <Origin of={row.origin} />
                  </>
                ),
              } satisfies Column<Owed>)
            : ({
                name: "affiliate",
                label: "Affiliate",
                kind: "text",
                value: (row) => row.affiliate,
                show: (row) => (
                  <>
                    <a href={statementAddress(row)}>
                      <Name of={row.affiliate} />
                    </a>{" "}
                    <Origin of={row.origin} />
                  </>
                ),
              } satisfies Column<Owed>),
          {
            name: "affiliateId",
            label: "Id",
            kind: "text",
            value: (row: Owed) => row.affiliateId,
            isFileOnly: true,
          } as const,
          ...(isOwn
            ? []
            : [
                {
                  name: "month",
                  label: "Month",
                  kind: "text",
                  value: (row: Owed) => row.month,
                  isFileOnly: true,
                } as const,
              ]),
          { name: "state", label: "State", kind: "text", value: (row: Owed) => row.state, isFileOnly: true } as const,
        ]),
    { name: "currency", label: "Currency", kind: "text", value: (row) => row.currency, isFileOnly: true },
    count("approved", "Approved", { isExtra: true }),
    money("approvedAmount", "Approved amount", (row) => row.approvedAmount, { isExtra: true }),
    count("pending", "Pending", { isExtra: true }),
    money("pendingAmount", "Pending amount", (row) => row.pendingAmount, { isFileOnly: true }),
    count("rejected", "Not approved", { isExtra: true }),
    money("rejectedAmount", "Not approved amount", (row) => row.rejectedAmount, { isFileOnly: true }),
    money("heldAmount", "Held", (row) => row.heldAmount),
    money("newAmount", "Of the month", (row) => row.newAmount, { isExtra: true }),
    count("corrections", "Changed since", { isExtra: true }),
    money("correctionsAmount", "Corrections", (row) => row.correctionsAmount),
    money("owed", "Owed", (row) => row.owed),
    { name: "statementId", label: "Statement", kind: "text", value: (row) => row.statementId, isFileOnly: true },
    { name: "origin", label: "Origin", kind: "text", value: (row) => row.origin, isFileOnly: true },
  ];
}

const amount = moneyIn<Line>((row) => row.currency ?? "");

/** Lines of a statement: each leads to its conversion or claim, and to the receipt of what Everflow said. */
export function lineColumns(of: "conversion" | "correction" | "claim", isStaff: boolean): Column<Line>[] {
  const address = ({ key }: Line) =>
    of === "claim"
      ? isStaff
        ? `/reconciliation/reports/${encodeURIComponent(key)}`
        : `/claims/${encodeURIComponent(key)}`
      : `/conversions/everflow/${encodeURIComponent(key)}`;
  const hasPage = (row: Line) => of === "claim" || (isStaff && row.status !== "withdrawn");
  return [
    { name: "date", label: "Day", kind: "day", value: (row) => row.date },
    {
      name: "key",
      label: of === "claim" ? "Claim" : "Conversion",
      kind: "text",
      value: (row) => row.key,
      show: (row) => (hasPage(row) ? <a href={address(row)}>{shortKey(row.key)}</a> : <Name of={shortKey(row.key)} />),
    },
    ...(of === "claim"
      ? [
          {
            name: "status",
            label: "State",
            kind: "text",
            value: (row: Line) => row.status,
            show: (row: Line) => reasonWords(row.status),
          } as const,
        ]
      : ([
          { name: "offer", label: "Offer", kind: "text", value: (row: Line) => row.offer, isExtra: true },
          { name: "status", label: "Everflow says", kind: "text", value: (row: Line) => row.status },
          amount("payout", "Payout", (row) => row.payout, { isExtra: true }),
          ...(of === "correction" ? [amount("stated", "Stated before", (row) => row.stated, { isExtra: true })] : []),
          amount("amount", of === "correction" ? "Correction" : "Owed", (row) => row.amount),
          amount("held", "Held", (row) => row.held),
        ] as Column<Line>[])),
    { name: "why", label: "Why", kind: "text", value: (row) => row.why, isLong: true },
    ...(isStaff && of !== "claim"
      ? [
          {
            name: "receiptId",
            label: "Receipt",
            kind: "text",
            value: (row: Line) => row.receiptId,
            show: (row: Line) =>
              row.receiptId === null ? null : <a href={`/receipts/${row.receiptId}`}>{row.receiptId}</a>,
            isExtra: true,
          } as const,
        ]
      : []),
  ];
}
