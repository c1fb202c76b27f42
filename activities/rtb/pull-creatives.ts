import { openExchange, readCreatives } from "../../connectors/exchanges/authorized-buyers.ts";
import { originOf } from "../../core/origin.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { mergeListed } from "../../queries/rtb/seat-sync.ts";
import { withVendor } from "../shared/with-vendor.ts";
import { noteFailure } from "./note-failure.ts";
import { exchange, exchangeAccount, type PageOfSeat, type SeatsContext } from "./shapes.ts";

export interface PulledPage {
  listed: number;
  inserted: number;
  updated: number;
  returned: number;
  /** Null after the last page. */
  next: string | null;
  /** The list is no longer kept: it has to be read from its first page. */
  isLost: boolean;
}

/** Reads one page of a seat's creatives and merges it: what is read stays, whatever becomes of the next page. */
export async function pullCreatives(context: SeatsContext, page: PageOfSeat): Promise<PulledPage> {
  const { client, buyerId, syncId, pageToken } = page;
  const account = exchangeAccount(context, client);
  const place = `${exchange.name} seat ${buyerId}`;
  return withVendor(context, { vendor: exchange, account, place }, async (http) => {
    try {
      const opened = openExchange(http, account.secrets, () => new Date());
      const { creatives, next } = await readCreatives(opened, { buyerId, pageToken });
      const origin = originOf(account);
      const merged = await mergeListed(context.database, { client, buyerId, syncId, origin, rows: creatives });
      const { inserted, updated, returned } = merged;
      return { listed: creatives.length, inserted, updated, returned, next, isLost: false };
    } catch (error) {
      // A list is kept for five hours; its token is no argument after that.
      if (pageToken === null || !(error instanceof ConnectorError) || error.code !== "INVALID_ARGUMENT") throw error;
      return { listed: 0, inserted: 0, updated: 0, returned: 0, next: null, isLost: true };
    }
  }).catch((error: unknown) => noteFailure(context, { client, buyerId }, error));
}
