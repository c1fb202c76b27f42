import type { Seal, StatementHead, StatementTotal } from "../../rules/payouts/statement.ts";
import type { Session } from "../../schema/database.ts";
import { firstDay } from "./shapes.ts";

interface MadeStatement {
  statement: StatementHead;
  totals: readonly StatementTotal[];
  seal: Seal;
  reconAffiliateId: string | null;
  lines: number;
}

/** Stores a statement with its totals, and its lines from the temporary table `closing_lines`. */
export async function insertStatement(session: Session, made: MadeStatement): Promise<void> {
  const { statement: s, totals, seal, reconAffiliateId, lines } = made;
  await session.query(
    `insert into payouts.statements (_client_id, statement_id, month, affiliate_id, affiliate, recon_affiliate_id, closed_at, lines, claims, claims_verified,
                                     claims_disputed, days_not_final, previous_hash, content_hash, signature, key_id, public_key, origin)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
    [
      ...[s.client, s.statementId, firstDay(s.month), s.affiliateId, s.affiliate, reconAffiliateId, s.closedAt, lines],
      ...[s.claims, s.claimsVerified, s.claimsDisputed, s.daysNotFinal, s.previousHash],
      ...[seal.hash, seal.signature, seal.keyId, seal.publicKey, s.origin],
    ],
  );
  for (const t of totals)
    await session.query(
      `insert into payouts.statement_totals (_client_id, statement_id, currency, approved, approved_amount, pending, pending_amount, rejected, rejected_amount,
                                             held, held_amount, new_amount, corrections, corrections_amount, rounding_carried, owed)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
      [
        ...[s.client, s.statementId, t.currency, t.approved, t.approvedAmount, t.pending, t.pendingAmount],
        ...[t.rejected, t.rejectedAmount, t.held, t.heldAmount, t.newAmount, t.corrections, t.correctionsAmount],
        ...[t.roundingCarried, t.owed],
      ],
    );
  await session.query(
    `insert into payouts.statement_lines (_client_id, statement_id, line, kind, key, month, affiliate_id, date, status, currency, payout, stated, amount, held,
                                          reason, detail, offer, receipt_id, carried)
     select $1, $2, line, kind, key, $3, affiliate_id, date, status, currency, payout, stated, amount, held, reason, detail, offer, receipt_id, carried
       from closing_lines where affiliate_id = $4`,
    [s.client, s.statementId, firstDay(s.month), s.affiliateId],
  );
}
