import type { Account } from "../../settings/config.ts";
import { cents } from "../../core/money.ts";
import type { Redact } from "../../core/redact.ts";
import type { AnySource, Vendor } from "../../connectors/source.ts";
import { compareRows } from "../../queries/sync/merge.ts";
import type { RowDifference } from "../../queries/sync/shapes.ts";
import { readHeld } from "../../queries/sync/stored.ts";
import { isReconciled } from "../../queries/sync/trust.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { gatedHttp } from "../shared/with-vendor.ts";
import { readDay, targetOf } from "./read-day.ts";

/** Compares stored rows with the vendor's, one by one, without writing. For commands, outside any workflow. */
export async function compareSlice(
  dependencies: { gate: RateGate; redact: Redact; database: Database },
  pull: { source: AnySource; account: Account; day: string },
): Promise<{
  differences: RowDifference[];
  stored: string;
  vendor: string;
  reconciled: boolean;
  /** Rows of the vendor that cannot be stored. */
  rejected: number;
}> {
  const { source, account, day } = pull;
  const answer = await readDay(pull, gatedHttp(dependencies, { vendor: source.vendor as Vendor, account }));
  const target = targetOf(source, account.client, day);
  return withoutKeeping(dependencies.database, async (session) => {
    const differences = await compareRows(session, target, answer);
    const { total } = await readHeld(session, target);
    return {
      ...{ differences, stored: cents(total), vendor: cents(answer.total) },
      ...{ reconciled: isReconciled(answer), rejected: answer.quarantined.length },
    };
  }).finally(() => answer.discard());
}

/** In a transaction that is always rolled back. */
export async function withoutKeeping<Result>(
  database: Database,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const rolledBack = Symbol("rolled back");
  let result: Result | undefined;
  await inTransaction(database, async (session) => {
    result = await work(session);
    throw rolledBack;
  }).catch((reason: unknown) => {
    if (reason !== rolledBack) throw reason;
  });
  return result as Result;
}
