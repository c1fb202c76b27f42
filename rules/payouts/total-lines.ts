import { cents, exactMoney, fromMicros, toMicros } from "../../core/money.ts";
import type { StatementLine, StatementTotal } from "./statement.ts";

interface Sums {
  approved: number;
  pending: number;
  rejected: number;
  held: number;
  corrections: number;
  amounts: Record<"approved" | "pending" | "rejected" | "held" | "new" | "corrections", bigint>;
}

const none = (): Sums => ({
  ...{ approved: 0, pending: 0, rejected: 0, held: 0, corrections: 0 },
  amounts: { approved: 0n, pending: 0n, rejected: 0n, held: 0n, new: 0n, corrections: 0n },
});

/** What the lines of a statement come to, per currency; `carried` are parts of a cent that the statements before it left. */
export function totalLines(
  lines: readonly StatementLine[],
  carried: Readonly<Record<string, string>>,
): StatementTotal[] {
  const found = new Map<string, Sums>();
  for (const line of lines) {
    if (line.currency === null) continue;
    const sums = found.get(line.currency) ?? none();
    found.set(line.currency, sums);
    add(sums, line);
  }
  return [...found]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([currency, sums]) => totalOf(currency, sums, carried[currency] ?? "0"));
}

function add(sums: Sums, { kind, status, reason, payout, amount, held }: StatementLine): void {
  const count = (name: "approved" | "pending" | "rejected") => {
    sums[name] += 1;
    sums.amounts[name] += toMicros(payout);
  };
  if (kind === "conversion") {
    sums.amounts.new += toMicros(amount);
    if (status === "approved") count("approved");
    else if (reason === "pending") count("pending");
    else if (status === "rejected" || status === "invalid") count("rejected");
  } else {
    sums.amounts.corrections += toMicros(amount);
    if (toMicros(amount) !== 0n) sums.corrections += 1;
  }
  sums.amounts.held += toMicros(held);
  if (toMicros(held) !== 0n) sums.held += 1;
}

function totalOf(currency: string, { amounts, ...counts }: Sums, carried: string): StatementTotal {
  const exact = (micros: bigint) => exactMoney(fromMicros(micros));
  return {
    currency,
    approved: counts.approved,
    approvedAmount: exact(amounts.approved),
    pending: counts.pending,
    pendingAmount: exact(amounts.pending),
    rejected: counts.rejected,
    rejectedAmount: exact(amounts.rejected),
    held: counts.held,
    heldAmount: exact(amounts.held),
    newAmount: exact(amounts.new),
    corrections: counts.corrections,
    correctionsAmount: exact(amounts.corrections),
    roundingCarried: exactMoney(carried),
    owed: cents(fromMicros(amounts.new + amounts.corrections + toMicros(carried))),
  };
}
