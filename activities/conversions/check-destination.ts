import type { Ledger } from "../../queries/conversions/delivery-ledger.ts";
import { accountOf, destinationNamed, keysOf, type DeliveryContext } from "./delivery-context.ts";
import { withDestination } from "./with-destination.ts";

/** Looks at what has to be there before anything is sent. */
export async function checkDestination(context: DeliveryContext, ledger: Ledger): Promise<void> {
  const account = accountOf(context.config, ledger);
  const { checkAccount } = destinationNamed(account.vendor);
  if (checkAccount === undefined) return;
  await withDestination(context, account, (http) => checkAccount({ http, ...keysOf(account) }));
}
