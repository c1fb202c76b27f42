import { cents } from "../../core/money.ts";
import type { RowDifference } from "../../queries/sync/shapes.ts";
import { compareDay as compareMerge } from "../../queries/warehouses/compare-day.ts";
import { withoutKeeping } from "../sync/compare-slice.ts";
import { askForDayHere, type Attempt } from "./ask-day.ts";
import type { AskedFor, WarehousesContext } from "./context.ts";
import { withStagedDay } from "./stage-day.ts";

export interface ComparedDay {
  differences: RowDifference[];
  stored: string;
  vendor: string;
  /** Rows of the warehouse that cannot be stored. */
  rejected: number;
}

/**
 * Compares stored rows with the warehouse's, one by one, without writing. For commands, outside any workflow. The query is
 * estimated and held to its cap as that of a pull is, and then run and paid for: once for all attempts of one name.
 */
export function compareDay(
  context: WarehousesContext,
  of: AskedFor & { attempt: Attempt; signal: AbortSignal },
): Promise<ComparedDay> {
  return askForDayHere(context, of, async (ask) => {
    const asked = await ask();
    const { differences, before, after, rejected } = await withoutKeeping(context.database, (session) =>
      withStagedDay(context, session, { ...of, ...asked }, (staged) => compareMerge(session, staged)),
    );
    return { differences, stored: cents(before), vendor: cents(after), rejected };
  });
}
