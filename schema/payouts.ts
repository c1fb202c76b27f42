import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  pgSchema,
  primaryKey,
  text,
} from "drizzle-orm/pg-core";
import { unique, uniqueIndex } from "drizzle-orm/pg-core";
import { clientColumn, instant, money, originCheck, originColumn } from "./columns.ts";
import { describeSchema, describeTable } from "./describe.ts";

export const payouts = pgSchema("payouts");

/** What is known of an Everflow affiliate beside its conversions: whose claims are theirs, and a person's word on what is held. */
export const accounts = payouts.table(
  "accounts",
  {
    ...clientColumn,
    affiliateId: text("affiliate_id").notNull(),
    reconAffiliateId: bigint("recon_affiliate_id", { mode: "bigint" }),
    hold: text("hold").notNull().default("automatic"),
    reason: text("reason"),
    setBy: text("set_by").notNull(),
    setAt: instant("set_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "accounts_key", columns: [table.clientId, table.affiliateId] }),
    // Whoever logs in as an affiliate sees the statements of one account.
    uniqueIndex("accounts_recon").on(table.clientId, table.reconAffiliateId),
    check("accounts_hold", sql`${table.hold} in ('automatic', 'all', 'none')`),
    check("accounts_reason", sql`${table.hold} = 'automatic' or ${table.reason} is not null`),
  ],
);

/** Months that are closed, in order. */
export const closings = payouts.table(
  "closings",
  {
    ...clientColumn,
    month: date("month").notNull(),
    closedAt: instant("closed_at").notNull().defaultNow(),
    closedBy: text("closed_by").notNull(),
    daysNotFinal: integer("days_not_final").notNull(),
    forcedReason: text("forced_reason"),
    /** The last entry of the restatement ledger that the closing has seen. */
    ledgerId: bigint("ledger_id", { mode: "number" }).notNull(),
    statements: integer("statements").notNull(),
    ...originColumn,
  },
  (table) => [
    primaryKey({ name: "closings_key", columns: [table.clientId, table.month] }),
    originCheck("closings_origin_known", table.origin),
    check("closings_month", sql`extract(day from ${table.month}) = 1`),
    check("closings_forced", sql`${table.daysNotFinal} = 0 or ${table.forcedReason} is not null`),
  ],
);

export const statements = payouts.table(
  "statements",
  {
    ...clientColumn,
    statementId: bigint("statement_id", { mode: "number" }).notNull().generatedByDefaultAsIdentity(),
    month: date("month").notNull(),
    affiliateId: text("affiliate_id").notNull(),
    affiliate: text("affiliate").notNull(),
    reconAffiliateId: bigint("recon_affiliate_id", { mode: "bigint" }),
    closedAt: instant("closed_at").notNull(),
    lines: integer("lines").notNull(),
    claims: integer("claims").notNull(),
    claimsVerified: integer("claims_verified").notNull(),
    claimsDisputed: integer("claims_disputed").notNull(),
    daysNotFinal: integer("days_not_final").notNull(),
    previousHash: text("previous_hash"),
    contentHash: text("content_hash").notNull(),
    signature: text("signature").notNull(),
    keyId: text("key_id").notNull(),
    publicKey: text("public_key").notNull(),
    /** Lines join their statement in the transaction that makes it, and never later. */
    closedIn: text("closed_in")
      .notNull()
      .default(sql`pg_current_xact_id()::text`),
    ...originColumn,
  },
  (table) => [
    primaryKey({ name: "statements_id", columns: [table.clientId, table.statementId] }),
    unique("statements_once").on(table.clientId, table.month, table.affiliateId),
    originCheck("statements_origin_known", table.origin),
    index("statements_affiliate").on(table.clientId, table.affiliateId, table.month),
    foreignKey({
      name: "statements_closing",
      columns: [table.clientId, table.month],
      foreignColumns: [closings.clientId, closings.month],
    }),
  ],
);

export const statementTotals = payouts.table(
  "statement_totals",
  {
    ...clientColumn,
    statementId: bigint("statement_id", { mode: "number" }).notNull(),
    currency: text("currency").notNull(),
    approved: integer("approved").notNull(),
    approvedAmount: money("approved_amount").notNull(),
    pending: integer("pending").notNull(),
    pendingAmount: money("pending_amount").notNull(),
    rejected: integer("rejected").notNull(),
    rejectedAmount: money("rejected_amount").notNull(),
    held: integer("held").notNull(),
    heldAmount: money("held_amount").notNull(),
    newAmount: money("new_amount").notNull(),
    corrections: integer("corrections").notNull(),
    correctionsAmount: money("corrections_amount").notNull(),
    roundingCarried: money("rounding_carried").notNull(),
    owed: money("owed").notNull(),
  },
  (table) => [
    primaryKey({ name: "statement_totals_key", columns: [table.clientId, table.statementId, table.currency] }),
    foreignKey({
      name: "statement_totals_statement",
      columns: [table.clientId, table.statementId],
      foreignColumns: [statements.clientId, statements.statementId],
    }),
    check("statement_totals_owed", sql`${table.owed} = round(${table.owed}, 2)`),
  ],
);

export const statementLines = payouts.table(
  "statement_lines",
  {
    ...clientColumn,
    statementId: bigint("statement_id", { mode: "number" }).notNull(),
    line: integer("line").notNull(),
    kind: text("kind").notNull(),
    key: text("key").notNull(),
    month: date("month").notNull(),
    affiliateId: text("affiliate_id").notNull(),
    date: date("date").notNull(),
    status: text("status").notNull(),
    currency: text("currency"),
    payout: money("payout").notNull(),
    stated: money("stated").notNull(),
    amount: money("amount").notNull(),
    held: money("held").notNull(),
    reason: text("reason").notNull(),
    detail: text("detail"),
    offer: text("offer"),
    receiptId: bigint("receipt_id", { mode: "number" }),
    /** Looked at again by the next closing, whether the vendor says anything new of it or not. */
    carried: boolean("carried").notNull(),
  },
  (table) => [
    primaryKey({ name: "statement_lines_key", columns: [table.clientId, table.statementId, table.line] }),
    // What was stated of a conversion so far.
    index("statement_lines_conversion")
      .on(table.clientId, table.key, table.affiliateId, table.currency)
      .where(sql`${table.kind} <> 'claim'`),
    index("statement_lines_carried")
      .on(table.clientId, table.month)
      .where(sql`${table.carried}`),
    foreignKey({
      name: "statement_lines_statement",
      columns: [table.clientId, table.statementId],
      foreignColumns: [statements.clientId, statements.statementId],
    }),
    check("statement_lines_kind", sql`${table.kind} in ('conversion', 'correction', 'claim')`),
    check("statement_lines_claim", sql`(${table.kind} = 'claim') = (${table.currency} is null)`),
  ],
);

describeSchema(
  payouts,
  "What affiliates are owed, month by month: statements that are closed once and corrected by later ones.",
);

describeTable(
  accounts,
  "Which affiliate of reconciliation an Everflow affiliate is, and what of theirs is held by a person's word.",
  {
    affiliateId: "Everflow's id of the affiliate.",
    reconAffiliateId:
      "The same affiliate in recon.affiliates; null where it is not linked. It is who may read the statements.",
    hold: "automatic: by the rules; all: nothing new is paid; none: claims and trust hold nothing.",
    reason: "Why a person decided so.",
    setBy: "Who.",
    setAt: "When.",
  },
);

describeTable(
  closings,
  "Months that are closed. A month is closed once, after the one before it; a trigger refuses every change.",
  {
    month: "First day of the month, in America/New_York.",
    closedAt: "When.",
    closedBy: "Who.",
    daysNotFinal: "Days of the month that were not final then.",
    forcedReason: "Why it was closed all the same.",
    ledgerId: "The last entry of ops.restatements that it has seen: later ones are corrections.",
    statements: "How many affiliates have a statement.",
    origin: "sandbox: made of what mock servers said; real; or unknown.",
  },
);

describeTable(statements, "Closed payout statements, one per affiliate and month; a trigger refuses every change.", {
  statementId: "Number of the statement.",
  month: "First day of its month.",
  affiliateId: "Everflow's id of the affiliate.",
  affiliate: "The affiliate's name then.",
  reconAffiliateId: "The affiliate of reconciliation that was linked then.",
  closedAt: "When it was closed.",
  lines: "How many lines it has.",
  claims: "Claims sent in the month.",
  claimsVerified: "Of these, claims that the platform bears out.",
  claimsDisputed: "Of these, claims in dispute.",
  daysNotFinal: "Days of the month that were not final then.",
  previousHash: "content_hash of the affiliate's statement before.",
  contentHash: "SHA-256 of its content as canonical JSON.",
  signature: "Ed25519 signature of the hash, base64.",
  keyId: "Which key signed it.",
  publicKey: "The public half of that key, base64.",
  closedIn: "The transaction that made it: lines join it there alone.",
  origin: "sandbox: made of what mock servers said; real; or unknown.",
});

describeTable(statementTotals, "What each closed statement comes to, per currency; a trigger refuses every change.", {
  statementId: "The statement.",
  currency: "The currency; nothing is converted.",
  approved: "Conversions of the month that were approved.",
  approvedAmount: "Their payout.",
  pending: "Conversions that Everflow had not decided on.",
  pendingAmount: "Their payout.",
  rejected: "Conversions that were refused.",
  rejectedAmount: "Their payout, which is not owed.",
  held: "Lines of which something is held.",
  heldAmount: "What is held, pending conversions included.",
  newAmount: "What conversions of the month add to what is owed.",
  corrections: "Lines that correct earlier statements.",
  correctionsAmount: "What they add or take away.",
  roundingCarried: "Parts of a cent that earlier statements left.",
  owed: "new_amount plus corrections_amount plus rounding_carried, rounded to the cent. Negative: the affiliate owes it.",
});

describeTable(
  statementLines,
  "Each conversion and claim of a closed statement, as it stood then; a trigger refuses every change.",
  {
    statementId: "The statement.",
    line: "Its place there.",
    kind: "conversion: of the month; correction: of a month that was closed before; claim.",
    key: "Everflow's id of the conversion, or the number of the claim.",
    month: "Month of the statement.",
    affiliateId: "Everflow's id of the affiliate.",
    date: "The day that the conversion is counted on, or the claim was sent.",
    status: "Everflow's status of the conversion then, withdrawn where it is gone; or what became of the claim.",
    currency: "The currency; null for a claim, which is no amount.",
    payout: "What Everflow said then that the affiliate earns.",
    stated: "What earlier statements have stated of it in all.",
    amount: "What this statement adds to that, or takes back.",
    held: "What is not stated yet because of reason.",
    reason:
      "owed, pending, not_approved, claim_disputed, affiliate_unreliable, held_by_hand, day_not_final, approved_since, rejected_since, amount_changed, arrived_late, withdrawn, released, moved, or of a claim its state.",
    detail: "The reason in words, where there is more to say.",
    offer: "The offer's name.",
    receiptId: "The receipt of the fetch that brought what Everflow said, in ops.receipts.",
    carried: "Whether the next closing looks at it again by itself: something is held, or it lies in a month to come.",
  },
);
