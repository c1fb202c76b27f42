import type { z } from "zod";
import type { account, line, owed, owedInAll, payoutMonth } from "../../api/payouts/shapes.ts";
import type { details } from "../../api/payouts/statements.ts";

/** What the JSON routes answer. */
export type Owed = z.infer<typeof owed>;
export interface OwedList {
  items: Owed[];
  totals: z.infer<typeof owedInAll>[];
}
export type PayoutMonth = z.infer<typeof payoutMonth>;
export type Line = z.infer<typeof line>;
export type Account = z.infer<typeof account>;
export type StatementDetails = z.infer<typeof details>;

export const payouts = "/api/v1/payouts";
