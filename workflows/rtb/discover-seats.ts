import { setCurrentDetails } from "@temporalio/workflow";
import type { ExchangeSeat } from "../../connectors/exchanges/authorized-buyers.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";
import { atExchange, seatRecords } from "./seat-calls.ts";

/** Lists the buyer seats that the client's account at the exchange may see. */
export async function discoverSeats(
  input: { client?: string } = {},
): Promise<{ client: string; seats: ExchangeSeat[] }> {
  const { client, vendor } = await seatRecords().planSeats({ input, takesSeat: false }).catch(planFailure);
  note([{ key: clientIdKey, value: client }]);
  const { seats } = await atExchange(vendor).pullSeats({ client });
  setCurrentDetails(`Client ${client} has ${seats.length} seats: ${seats.map(({ buyerId }) => buyerId).join(", ")}`);
  return { client, seats };
}
