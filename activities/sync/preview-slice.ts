import { cents, subtractMoney } from "../../core/money.ts";
import { previewSlice as previewMerge } from "../../queries/sync/merge.ts";
import { isReconciled } from "../../queries/sync/trust.ts";
import { askForDay } from "./ask-for-day.ts";
import { withoutKeeping } from "./compare-slice.ts";
import { checkedPull, type SyncContext } from "./context.ts";
import { targetOf } from "./read-day.ts";
import type { DayPreview, PullSliceInput } from "./shapes.ts";

/** What fetching a day again would change. Writes nothing. */
export async function previewSlice(context: SyncContext, input: PullSliceInput): Promise<DayPreview> {
  const { source, account, day, acceptEmpty = false } = checkedPull(context, input);
  return askForDay(context, { source, account, day }, async (read) => {
    const content = await read();
    const target = targetOf(source, account.client, day);
    const believing = { acceptEmpty, mostWithdrawnPercent: context.config.mostWithdrawnPercent };
    const { inserted, updated, withdrawn, totalBefore, doubted } = await withoutKeeping(context.database, (session) =>
      previewMerge(session, target, content, believing),
    );
    const after = doubted === null ? content.total : totalBefore;
    return {
      day,
      inserted,
      updated,
      withdrawn,
      before: cents(totalBefore),
      after: cents(after),
      change: cents(subtractMoney(after, totalBefore)),
      reconciled: doubted === null && isReconciled(content),
    };
  });
}
