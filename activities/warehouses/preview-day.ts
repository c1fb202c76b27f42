import { cents, subtractMoney } from "../../core/money.ts";
import type { Warehouse } from "../../connectors/warehouses/warehouse.ts";
import { previewDay as previewMerge } from "../../queries/warehouses/merge-day.ts";
import { withoutKeeping } from "../sync/compare-slice.ts";
import type { DayPreview, PullSliceInput } from "../sync/shapes.ts";
import { askForDay } from "./ask-day.ts";
import { checkedDay, type WarehousesContext } from "./context.ts";
import { withStagedDay } from "./stage-day.ts";

/** What asking for a day again would change. The query is run and paid for; nothing is written. */
export async function previewDay(
  context: WarehousesContext,
  warehouse: Warehouse,
  input: PullSliceInput,
): Promise<DayPreview> {
  const of = checkedDay(context, warehouse, input);
  const believing = { acceptEmpty: of.acceptEmpty, mostWithdrawnPercent: context.config.mostWithdrawnPercent };
  return askForDay(context, of, async (ask) => {
    const asked = await ask();
    const found = await withoutKeeping(context.database, (session) =>
      withStagedDay(context, session, { ...of, ...asked }, (staged) => previewMerge(session, staged, believing)),
    );
    const { merged, before, after, isDoubted } = found;
    return {
      day: of.day,
      inserted: merged.inserted,
      updated: merged.updated,
      withdrawn: merged.removed,
      before: cents(before),
      after: cents(after),
      change: cents(subtractMoney(after, before)),
      reconciled: !isDoubted,
    };
  });
}
