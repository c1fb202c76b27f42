import type { StoredOrigin } from "../../core/origin.ts";

/** A month is named `2026-11`; the tables have its first day. */
export const firstDay = (month: string) => `${month}-01`;

export interface Owed {
  month: string;
  state: "draft" | "closed";
  statementId: number | null;
  affiliateId: string;
  affiliate: string;
  /** Null where the statement has claims and no conversion. */
  currency: string | null;
  approved: number;
  approvedAmount: string;
  pending: number;
  pendingAmount: string;
  rejected: number;
  rejectedAmount: string;
  held: number;
  heldAmount: string;
  newAmount: string;
  corrections: number;
  correctionsAmount: string;
  roundingCarried: string;
  owed: string;
  origin: StoredOrigin;
}

export interface PayoutMonth {
  month: string;
  state: "closed" | "open";
  /** The month that has to be closed first. */
  isNext: boolean;
  daysNotFinal: number;
  closedAt: Date | null;
  closedBy: string | null;
  forcedReason: string | null;
}

/** A line as it is read: amounts with every digit, as Postgres writes them. */
export interface LineRow {
  kind: "conversion" | "correction" | "claim";
  key: string;
  date: string;
  status: string;
  currency: string | null;
  payout: string;
  stated: string;
  amount: string;
  held: string;
  reason: string;
  detail: string | null;
  offer: string | null;
  receiptId: number | null;
}

/** The columns of a line, of a closed statement or of a draft, with the alias `l`. */
export const lineColumns = `l.kind, l.key, l.date, l.status, l.currency, l.payout::text, l.stated::text, l.amount::text, l.held::text, l.reason,
  nullif(l.detail, '') as detail, nullif(l.offer, '') as offer, l.receipt_id as "receiptId"`;

/** In which order lines stand in a statement: corrections behind the month's own, claims last. */
export const lineOrder =
  "case l.kind when 'conversion' then 1 when 'correction' then 2 else 3 end, l.date, l.key, l.currency";
