import { checkHubspotProperty } from "../../connectors/destinations/hubspot.ts";
import type { Ledger } from "../../queries/conversions/delivery-ledger.ts";
import { accountOf, keysOf, ledgerOf, type DeliveryContext } from "./delivery-context.ts";
import { withDestination } from "./with-destination.ts";

/** Looks at what has to be there before anything is sent. */
export async function checkDestination(context: DeliveryContext, ledger: Ledger): Promise<void> {
  const account = accountOf(context.config, ledger);
  if (ledgerOf(account).destination !== "hubspot") return;
  await withDestination(context, account, (http) => checkHubspotProperty({ http, ...keysOf(account) }));
}
