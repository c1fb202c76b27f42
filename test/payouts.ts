import { generateKeyPairSync } from "node:crypto";
import { createSeal } from "../core/seal.ts";
import { sumMoney } from "../core/money.ts";
import { readSigningKey, type SigningKey } from "../core/signing.ts";
import { closeMonth, type Closed, type Closing } from "../queries/payouts/close-month.ts";
import { mergeSlice } from "../queries/sync/merge.ts";
import { takeFetchNumber } from "../queries/sync/receipts.ts";
import type { MergeAttempt } from "../queries/sync/shapes.ts";
import { inTransaction, type Database } from "../schema/database.ts";
import { conversions } from "../schema/everflow.ts";

export interface MadeConversion {
  id: string;
  affiliateId?: string;
  status?: string;
  payout?: string;
  currency?: string;
  more?: object;
}

const rowOf = (
  day: string,
  { id, affiliateId = "1001", status = "approved", payout = "10", currency = "USD", more }: MadeConversion,
) => ({
  conversionId: id,
  date: day,
  convertedAt: new Date(`${day}T15:00:00Z`),
  status,
  isEvent: false,
  affiliateId,
  affiliateName: `Affiliate ${affiliateId}`,
  offerName: "Offer",
  currency,
  payout,
  revenue: "20",
  ...more,
});

/** Stores a day as a pull does: what the vendor says of it is `found`, and nothing else. */
export async function storeDay(
  database: Database,
  of: { client: string; day: string; found: readonly MadeConversion[] },
  how: Partial<MergeAttempt> = {},
): Promise<void> {
  const taken = await takeFetchNumber(database);
  const rows = of.found.map((one) => rowOf(of.day, one));
  await inTransaction(database, (session) =>
    mergeSlice(
      session,
      {
        client: of.client,
        source: "everflow.conversions",
        day: of.day,
        timezone: "America/New_York",
        table: conversions,
        answers: "complete",
        keyedBy: "id",
        amount: { column: "payout", currency: { column: "currency", summed: "USD" } },
      },
      {
        rows,
        quarantined: [],
        pages: 1,
        total: sumMoney(rows.filter(({ currency }) => currency === "USD").map(({ payout }) => payout)),
        quarantinedTotal: "0",
        vendorTotal: null,
        contentHash: "hash",
      },
      {
        ...taken,
        isFinal: true,
        origin: "real",
        runId: "run",
        workflowId: "workflow",
        workflowRunId: "workflow-run",
        attempt: 1,
        acceptEmpty: true,
        mostWithdrawnPercent: 100,
        seal: createSeal([Buffer.alloc(32, 7)], "quarantine"),
        ...how,
      },
    ),
  );
}

/** A key as `npm start` makes one. */
export function madeSigningSecret(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
}

export function madeSigningKey(): SigningKey {
  const key = readSigningKey(madeSigningSecret());
  if (key === null) throw new Error("no key");
  return key;
}

/** Closes a month with a reason, as few days of a test are final. */
export function close(
  database: Database,
  closing: Pick<Closing, "client" | "month" | "key"> & Partial<Closing>,
): Promise<Closed> {
  return inTransaction(database, (session) =>
    closeMonth(session, {
      by: { actor: "tester", role: "operator" },
      reason: "a test",
      startHere: false,
      now: new Date("2026-11-20T12:00:00Z"),
      ...closing,
    }),
  );
}
