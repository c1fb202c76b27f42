import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { typedDay, typedFlag } from "../../core/typed.ts";
import { zoneOfFeed } from "../../settings/windows.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { guardedBy, invalidInput } from "../shared/failures.ts";
import { checkedFeed, typedFeed, type SyncContext } from "./context.ts";

const shape = z.object({
  ...typedFeed,
  day: typedDay,
  acceptEmpty: typedFlag.optional(),
});

/** Checks a slice that was started by hand. */
export async function checkSlice(context: SyncContext, input: unknown): Promise<{ client: string }> {
  const { source, account, day } = checkedFeed(context, shape, input);
  return guardedBy(context.redact)(`${source.name} ${day}`, async () => {
    const timezone = zoneOfFeed(context.config, source);
    const today = dayAt(await databaseNow(context.database), timezone);
    if (day > today) throw invalidInput(`day ${day} is in the future: today is ${today} in ${timezone}`);
    return { client: account.client };
  });
}
