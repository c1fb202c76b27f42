import type { KeptParts, SliceAnswer } from "../../connectors/slices/read-slice.ts";
import type { Vendor } from "../../connectors/source.ts";
import { withVendor } from "../shared/with-vendor.ts";
import type { Feed, SyncContext } from "./context.ts";
import { readDay } from "./read-day.ts";

/** Reads the day; parts that an earlier attempt kept are not asked for again. */
export type ReadDay = (kept?: KeptParts) => Promise<SliceAnswer>;

/** Works with a day of a feed, read when the work asks for it; what was read may lie in a file, which goes with the work. */
export async function askForDay<Result>(
  context: SyncContext,
  { source, account, day }: Feed & { day: string },
  work: (read: ReadDay) => Promise<Result>,
): Promise<Result> {
  const progress = { page: 0, rows: 0 };
  const call = { vendor: source.vendor as Vendor, account, place: `${source.name} ${day}`, progress };
  return withVendor(context, call, async (http) => {
    let answer: SliceAnswer | undefined;
    const onPage = (page: number, rows: number) => Object.assign(progress, { page, rows });
    try {
      return await work(async (kept) => (answer = await readDay({ source, account, day, onPage, kept }, http)));
    } finally {
      await answer?.discard();
    }
  });
}
