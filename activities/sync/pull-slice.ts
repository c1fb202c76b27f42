import { endOfDay } from "../../core/days.ts";
import { cents } from "../../core/money.ts";
import { originOf } from "../../core/origin.ts";
import { mergeSlice } from "../../queries/sync/merge.ts";
import { findReceipt, takeFetchNumber } from "../../queries/sync/receipts.ts";
import { dropParts } from "../../queries/sync/slice-parts.ts";
import { CommitUnknown, inTransaction } from "../../schema/database.ts";
import { lookForFindings } from "../conversions/findings.ts";
import { runOf } from "../shared/run-of.ts";
import { askForDay, type ReadDay } from "./ask-for-day.ts";
import { checkedPull, type SyncContext } from "./context.ts";
import { countRows } from "./count-rows.ts";
import { keptParts } from "./kept-parts.ts";
import { keepingOrigins } from "./one-origin.ts";
import { targetOf } from "./read-day.ts";
import type { PullSliceInput, SliceResult } from "./shapes.ts";
import { raiseBooksAlert, raiseCaveat, raiseSliceAlerts } from "./slice-alerts.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";

/** Pulls one slice whole and merges it in one transaction with its receipt. */
export async function pullSlice(context: SyncContext, input: PullSliceInput): Promise<SliceResult> {
  const { database } = context;
  const { source, account, day, runId, acceptEmpty = false } = checkedPull(context, input);
  const { client } = account;
  const pull = async (read: ReadDay): Promise<SliceResult> => {
    // The number comes before the first request: a fetch that began later wins.
    const { fetchSeq, fetchedAt } = await takeFetchNumber(database);
    const run = runOf();
    const reading = { client, source: source.name, day, workflowRunId: run.runId };
    const kept = keptParts(database, reading, { fetchSeq, fetchedAt });
    const answer = await read(kept);
    const merging = {
      fetchSeq,
      fetchedAt,
      isFinal: kept.since() >= endOfDay(day, source.slices.timezone),
      origin: originOf(account),
      runId,
      workflowId: run.workflowId,
      workflowRunId: run.runId,
      attempt: run.attempt,
      acceptEmpty,
      mostWithdrawnPercent: context.config.mostWithdrawnPercent,
      seal: quarantineSeal(context.config),
    };
    const target = targetOf(source, client, day);
    const receipt = await inTransaction(database, async (session) => {
      const merged = await mergeSlice(session, target, answer, merging);
      await context.afterMerge?.[source.name]?.(session, { client, day, runId });
      const { books, ...rest } = merged;
      await raiseSliceAlerts(session, target, rest);
      await raiseBooksAlert(session, { ...target, books });
      await dropParts(session, reading);
      return rest;
    }).catch(async (error: unknown) => {
      const found = error instanceof CommitUnknown ? await findReceipt(database, fetchSeq) : null;
      if (found === null) throw error;
      return found;
    });
    countRows({ client, source: source.name }, receipt);
    if (source.instead !== undefined)
      await raiseCaveat(database, { client, source: source.name, caveat: answer.instead?.caveat ?? null });
    if (source.agreesWith !== undefined) await lookForFindings(database, { client, day });
    return { ...receipt, day, shownTotal: cents(receipt.total) };
  };
  return askForDay(context, { source, account, day }, (read) =>
    keepingOrigins(context, { source, account }, () => pull(read)),
  );
}
