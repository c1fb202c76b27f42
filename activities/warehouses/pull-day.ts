import { endOfDay } from "../../core/days.ts";
import { cents } from "../../core/money.ts";
import { originOf } from "../../core/origin.ts";
import type { Warehouse } from "../../connectors/warehouses/warehouse.ts";
import { learnSizes } from "../../queries/rtb/rollups.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { findReceipt, findReceiptOfRun, takeFetchNumber } from "../../queries/sync/receipts.ts";
import type { Receipt } from "../../queries/sync/shapes.ts";
import { mergeDay } from "../../queries/warehouses/merge-day.ts";
import { OwnersDiffer } from "../../queries/shared/owners-differ.ts";
import { raiseOwnersDiffer, settleOwnersDiffer } from "../../queries/warehouses/owners.ts";
import { CommitUnknown, inTransaction } from "../../schema/database.ts";
import { runOf } from "../shared/run-of.ts";
import { countRows } from "../sync/count-rows.ts";
import { keepingOrigins } from "../sync/one-origin.ts";
import type { PullSliceInput, SliceResult } from "../sync/shapes.ts";
import { raiseSliceAlerts } from "../sync/slice-alerts.ts";
import { askForDay, type AskedDay } from "./ask-day.ts";
import { checkedDay, type WarehouseDay, type WarehousesContext } from "./context.ts";
import { withStagedDay } from "./stage-day.ts";

/** Asks a warehouse for one day, whole, and merges it in one transaction with its receipt. */
export async function pullDay(
  context: WarehousesContext,
  warehouse: Warehouse,
  input: PullSliceInput,
): Promise<SliceResult> {
  const { database } = context;
  const of = checkedDay(context, warehouse, input);
  const { account, day } = of;
  const shown = (receipt: Receipt): SliceResult => ({ ...receipt, day, shownTotal: cents(receipt.total) });
  return askForDay(context, of, (ask) =>
    keepingOrigins(context, { source: warehouse, account }, async () => {
      const slice = { client: account.client, source: warehouse.name, day };
      // An attempt that had its commit and was killed before it could say so.
      const earlier = await findReceiptOfRun(database, { ...slice, workflowRunId: runOf().runId });
      if (earlier !== null) return shown(earlier);
      const receipt = await store(context, of, await takeAndAsk(context, ask));
      countRows({ client: account.client, source: warehouse.name }, receipt);
      return shown(receipt);
    }),
  );
}

/** The number comes before the first request: a fetch that began later wins. */
async function takeAndAsk({ database }: WarehousesContext, ask: () => Promise<AskedDay>) {
  const taken = await takeFetchNumber(database);
  return { ...taken, ...(await ask()) };
}

async function store(
  context: WarehousesContext,
  of: WarehouseDay,
  asked: Awaited<ReturnType<typeof takeAndAsk>>,
): Promise<Receipt> {
  const { database, config } = context;
  const { account, day, zone, runId, acceptEmpty } = of;
  const { fetchSeq, fetchedAt, askedAt } = asked;
  const run = runOf();
  const attempt = {
    ...{ fetchSeq, fetchedAt, runId, acceptEmpty, origin: originOf(account) },
    // A job that an earlier attempt began knows nothing of what came after.
    isFinal: (askedAt < fetchedAt ? askedAt : fetchedAt) >= endOfDay(day, zone),
    ...{ workflowId: run.workflowId, workflowRunId: run.runId, attempt: run.attempt },
    mostWithdrawnPercent: config.mostWithdrawnPercent,
    seal: quarantineSeal(config),
  };
  const receipt = await inTransaction(database, (session) =>
    withStagedDay(context, session, { ...of, ...asked }, async (staged) => {
      const merged = await mergeDay(session, staged, attempt);
      await raiseSliceAlerts(session, staged.slice, merged);
      await settleOwnersDiffer(session, staged.owned);
      return merged;
    }),
  ).catch(async (error: unknown) => {
    if (error instanceof OwnersDiffer) await raiseOwnersDiffer(database, error);
    const found = error instanceof CommitUnknown ? await findReceipt(database, fetchSeq) : null;
    if (found === null) throw error;
    return found;
  });
  // What is stored stays stored, whatever becomes of this.
  await learnSizes(database).catch(() => undefined);
  return receipt;
}
