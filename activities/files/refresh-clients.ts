import { dayAt } from "../../core/days.ts";
import { checkBooks } from "../../queries/files/books.ts";
import { refreshAggregates, type Refreshed } from "../../queries/rtb/rollups.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { clientShape, settingsOf, withHeartbeat } from "./input.ts";
import type { FilesContext } from "./shapes.ts";

/** Recomputes every roll-up, of one client or of all, and checks that its files add up. */
export async function refreshClients(
  { database, config, redact }: FilesContext,
  input: { client?: string },
): Promise<Refreshed[]> {
  const { client } = checkedInput(clientShape, input ?? {});
  const clients = client === undefined ? config.clients : [clientNamed(config, client)];
  return withHeartbeat({ clients }, redact, async () => {
    const refreshed: Refreshed[] = [];
    for (const one of clients) {
      const today = dayAt(await databaseNow(database), settingsOf(config, one).timezone);
      refreshed.push(await refreshAggregates(database, { client: one, today }));
      await checkBooks(database, one);
    }
    return refreshed;
  });
}
