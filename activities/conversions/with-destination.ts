import type { Account } from "../../settings/config.ts";
import type { Http } from "../../connectors/http.ts";
import { withVendor } from "../shared/with-vendor.ts";
import { destinationNamed, type DeliveryContext } from "./delivery-context.ts";

export function withDestination<Result>(
  context: DeliveryContext,
  account: Account,
  work: (http: Http) => Promise<Result>,
): Promise<Result> {
  const call = { vendor: destinationNamed(account.vendor), account, place: `deliveries to ${account.name}` };
  return withVendor(context, call, work);
}
