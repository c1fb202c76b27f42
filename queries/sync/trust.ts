import { sameCents, subtractMoney, sumMoney } from "../../core/money.ts";
import type { MergeAttempt, MergeContent, MergeTarget } from "./shapes.ts";

/** Rows, or only how many there are. */
type Counted = { readonly length: number };

type Totals = Pick<MergeContent, "total" | "quarantinedTotal" | "vendorTotal">;

/** Do the stored and the quarantined rows add up to the vendor's own total? */
export function isReconciled({ total, quarantinedTotal, vendorTotal }: Totals): boolean {
  return vendorTotal === null || sameCents(sumMoney([total, quarantinedTotal]), vendorTotal);
}

/**
 * Less money than the vendor's own total: rows may be missing from the answer. What it does not hold is then not
 * taken for withdrawn, and the day not for final.
 */
export function isShort(content: Totals): boolean {
  const { total, quarantinedTotal, vendorTotal } = content;
  if (vendorTotal === null || isReconciled(content)) return false;
  return subtractMoney(vendorTotal, sumMoney([total, quarantinedTotal]))[0] !== "-";
}

/** Would a complete answer without a single row that can be stored take away what is stored? */
export function isEmptied(
  { answers }: Pick<MergeTarget, "answers">,
  { rows }: { rows: Counted },
  { storedRows, acceptEmpty }: { storedRows: number } & Pick<MergeAttempt, "acceptEmpty">,
): boolean {
  return answers === "complete" && rows.length === 0 && storedRows > 0 && !acceptEmpty;
}

/**
 * Would a day be over and done with nothing in it, though the vendor answered rows? Where a person approved that, it
 * stays approved: its rows are open in the quarantine, and the day was not in doubt since.
 */
export function isAllQuarantined(
  { answers }: Pick<MergeTarget, "answers">,
  { rows, quarantined }: { rows: Counted; quarantined: Counted },
  { isFinal, acceptEmpty, wasAccepted }: Pick<MergeAttempt, "isFinal" | "acceptEmpty"> & { wasAccepted: boolean },
): boolean {
  return (
    answers === "complete" && rows.length === 0 && quarantined.length > 0 && isFinal && !acceptEmpty && !wasAccepted
  );
}

/** Fewer than these come and go on a quiet day. */
const fewRows = 5;

/** Has an answer lost more rows at once than a vendor takes back in the ordinary way? */
export function isShrunk(
  withdrawn: number,
  storedRows: number,
  { acceptEmpty, mostWithdrawnPercent }: Pick<MergeAttempt, "acceptEmpty" | "mostWithdrawnPercent">,
): boolean {
  return !acceptEmpty && withdrawn >= fewRows && withdrawn * 100 > storedRows * mostWithdrawnPercent;
}
