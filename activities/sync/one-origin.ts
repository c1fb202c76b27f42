import type { DailyFeed } from "../../connectors/source.ts";
import { originOf } from "../../core/origin.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { assertUnmixed, OriginMixed } from "../../queries/shared/origins.ts";
import type { Feed, SyncContext } from "./context.ts";

const kind = "origin_mixed";

/** Works with one feed, and raises an alert where its pull would mix sandbox and real rows: nothing comes until a person decides. */
export async function keepingOrigins<Result>(
  { database }: Pick<SyncContext, "database">,
  { source, account }: Feed<DailyFeed>,
  work: () => Promise<Result>,
): Promise<Result> {
  const feed = { client: account.client, source: source.name };
  const alert = { client: account.client, area: "sync", subject: source.name };
  try {
    await assertUnmixed(database, feed, originOf(account));
    await settleAlerts(database, {
      ...alert,
      kinds: [kind],
      notes: "what is stored and what is pulled are of one origin",
    });
    return await work();
  } catch (error) {
    if (error instanceof OriginMixed)
      await raiseAlert(database, {
        ...alert,
        kind,
        severity: "critical",
        message: error.message,
        details: { ...error.mixed },
      });
    throw error;
  }
}
