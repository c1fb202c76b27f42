import { openExchange, readSeats, type ExchangeSeat } from "../../connectors/exchanges/authorized-buyers.ts";
import { originOf } from "../../core/origin.ts";
import { settleAlerts } from "../../queries/ops/alerts.ts";
import { mergeSeats } from "../../queries/rtb/seats.ts";
import { withVendor } from "../shared/with-vendor.ts";
import { noteFailure, seatSubject } from "./note-failure.ts";
import { exchange, exchangeAccount, type SeatsContext } from "./shapes.ts";

/** Lists the seats that the account may see, and merges them. */
export async function pullSeats(
  context: SeatsContext,
  { client }: { client: string },
): Promise<{ seats: ExchangeSeat[] }> {
  const account = exchangeAccount(context, client);
  const place = `${exchange.name} seats`;
  return withVendor(context, { vendor: exchange, account, place }, async (http) => {
    const seats = await readSeats(openExchange(http, account.secrets, () => new Date()));
    if (seats.length > 0)
      await mergeSeats(context.database, {
        client,
        origin: originOf(account),
        rows: seats.map(({ activeCreatives: _counted, ...seat }) => seat),
      });
    await settleAlerts(context.database, {
      ...seatSubject({ client, buyerId: null }),
      kinds: ["seat_sync_failed"],
      notes: "the exchange lists its seats again",
    });
    return { seats };
  }).catch((error: unknown) => noteFailure(context, { client, buyerId: null }, error));
}
