import { z } from "zod";
import { reasonWords } from "../../rules/payouts/words.ts";
import type { LineRow } from "../../queries/payouts/shapes.ts";
import { instant, money, storedOrigin, text } from "../server/shapes.ts";

export const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, "must be a month, YYYY-MM");

export const owed = z.object({
  month: z.string(),
  state: z.enum(["draft", "closed"]).describe("draft: as it stands now; closed: for good"),
  statementId: z.number().nullable().describe("null of a draft"),
  affiliateId: z.string().describe("Everflow's id"),
  affiliate: z.string(),
  currency: text.describe("null where the statement has claims alone"),
  approved: z.number(),
  approvedAmount: money,
  pending: z.number(),
  pendingAmount: money,
  rejected: z.number().describe("not approved by Everflow"),
  rejectedAmount: money,
  held: z.number().describe("lines of which something is held"),
  heldAmount: money.describe("what is held, pending conversions included"),
  newAmount: money.describe("what conversions of the month add"),
  corrections: z.number().describe("lines that correct earlier statements"),
  correctionsAmount: money,
  roundingCarried: z.string().describe("parts of a cent that earlier statements left"),
  owed: money.describe("negative: the affiliate owes it"),
  origin: storedOrigin,
});

export const owedInAll = z.object({
  currency: z.string(),
  affiliates: z.number(),
  owed: money,
  heldAmount: money,
  correctionsAmount: money,
});

export const payoutMonth = z.object({
  month: z.string(),
  state: z.enum(["closed", "open"]),
  isNext: z.boolean().describe("the month that has to be closed first"),
  daysNotFinal: z.number().describe("of a closed month: then"),
  closedAt: instant.nullable(),
  closedBy: text,
  forcedReason: text.describe("why it was closed although days were not final"),
});

export const line = z.object({
  kind: z.enum(["conversion", "correction", "claim"]),
  key: z.string().describe("Everflow's id of the conversion, or the number of the claim"),
  date: z.string(),
  status: z.string(),
  currency: text,
  payout: money,
  stated: money.describe("what earlier statements have stated of it"),
  amount: money.describe("what this statement adds, or takes back"),
  held: money,
  reason: z.string(),
  why: z.string().describe("the reason in words"),
  offer: text,
  receiptId: z.number().nullable(),
});

export const toLine = ({ detail, ...row }: LineRow): z.infer<typeof line> => ({
  ...row,
  why: reasonWords(row.reason) + (detail === null ? "" : `: ${detail}`),
});

export const account = z.object({
  affiliateId: z.string(),
  affiliate: text,
  reconAffiliateId: z.number().nullable().describe("the same affiliate in reconciliation, who may read the statements"),
  reconAffiliate: text,
  hold: z.enum(["automatic", "all", "none"]),
  reason: text,
  setBy: text,
  setAt: instant.nullable(),
  heldFor: text.describe("why what is new is held now: trust, a claim in dispute, a decision"),
});
