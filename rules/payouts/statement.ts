import { z } from "zod";
import { canonicalJson, type Canonical } from "../../core/canonical-json.ts";
import { sha256 } from "../../core/crypto.ts";
import type { SigningKey } from "../../core/signing.ts";

export const statementFormat = "signal-room-statement/1";

const amount = z.string().regex(/^-?\d+\.\d{2,6}$/, "must be an amount");
const count = z.number().int();
const text = z.string().nullable();
const digest = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256");

export const statementHead = z.strictObject({
  statementId: count,
  client: z.string(),
  month: z.string().regex(/^\d{4}-\d{2}$/),
  affiliateId: z.string(),
  affiliate: z.string(),
  closedAt: z.string(),
  daysNotFinal: count,
  claims: count,
  claimsVerified: count,
  claimsDisputed: count,
  origin: z.string(),
  previousHash: text,
});

export const statementTotal = z.strictObject({
  currency: z.string(),
  approved: count,
  approvedAmount: amount,
  pending: count,
  pendingAmount: amount,
  rejected: count,
  rejectedAmount: amount,
  held: count,
  heldAmount: amount,
  newAmount: amount,
  corrections: count,
  correctionsAmount: amount,
  roundingCarried: amount,
  owed: amount,
});

export const statementLine = z.strictObject({
  line: count,
  kind: z.enum(["conversion", "correction", "claim"]),
  key: z.string(),
  date: z.string(),
  status: z.string(),
  currency: text,
  payout: amount,
  stated: amount,
  amount,
  held: amount,
  reason: z.string(),
  detail: text,
  offer: text,
  receiptId: count.nullable(),
});

/** A closed statement as it is downloaded, in whatever form. */
export const signedStatement = z.strictObject({
  format: z.literal(statementFormat),
  statement: statementHead,
  totals: z.array(statementTotal),
  lines: z.array(statementLine.extend({ digest })),
  digests: z.strictObject({ statement: digest, totals: digest }),
  hash: digest,
  signature: z.string(),
  keyId: z.string(),
  publicKey: z.string(),
});

export type StatementHead = z.infer<typeof statementHead>;
export type StatementTotal = z.infer<typeof statementTotal>;
export type StatementLine = z.infer<typeof statementLine>;
export type SignedStatement = z.infer<typeof signedStatement>;

export interface StatementContent {
  statement: StatementHead;
  totals: StatementTotal[];
  lines: StatementLine[];
}

export const digestOf = (part: Canonical) => sha256(canonicalJson(part));

/** The hash of a statement: of the digests of its parts, so that a part that was changed can be named. */
export const hashOf = (digests: { statement: string; totals: string; lines: readonly string[] }) =>
  sha256(canonicalJson({ format: statementFormat, ...digests }));

export type Seal = Pick<SignedStatement, "hash" | "signature" | "keyId" | "publicKey">;

function digestsOf({ statement, totals, lines }: StatementContent) {
  return { statement: digestOf(statement), totals: digestOf(totals), lines: lines.map(digestOf) };
}

/** What is signed is the hash, as text. */
export function sealStatement(content: StatementContent, key: SigningKey): Seal {
  const hash = hashOf(digestsOf(content));
  return { hash, signature: key.sign(hash), keyId: key.keyId, publicKey: key.publicKey };
}

/** A statement with what shows that it is the one that was signed. */
export function withSeal(content: StatementContent, seal: Seal): SignedStatement {
  const { lines, ...digests } = digestsOf(content);
  // Read by its shape, so that every copy has its fields in the same order.
  return signedStatement.parse({
    format: statementFormat,
    statement: content.statement,
    totals: content.totals,
    lines: content.lines.map((line, index) => ({ ...line, digest: lines[index] ?? "" })),
    digests,
    ...seal,
  });
}
