import { z } from "zod";
import { listSeats, mergeSeats } from "../../queries/rtb/seats.ts";
import { allow, callerOf } from "../server/access.ts";
import { listRoute } from "../server/list-route.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, iso, storedOrigin, text } from "../server/shapes.ts";
import { assertUnique, merged, mostMerged, name } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

const givenSeat = z.strictObject({ buyerId: word.trim().min(1), displayName: name, bidderAccountId: name });
const seat = z.object({
  buyerId: z.string(),
  displayName: text,
  bidderAccountId: text,
  creativeCount: z.number(),
  lastSync: instant.nullable(),
  origin: storedOrigin,
});

/** Buyer accounts: whose the creatives are. */
export function rtbSeatRoutes(api: Api, { reading, database }: ServerParts): void {
  listRoute(api, "/seats", {
    config: readers,
    tags: ["creatives"],
    summary: "Buyer accounts, and how many creatives each has",
    querystring: paging,
    item: seat,
    place: word,
    read: ({ after, limit }, request) => listSeats(reading, { client: callerOf(request).client, after, limit }),
    placeOf: (row) => row.buyerId,
    toItem: (row) => ({ ...row, lastSync: iso(row.lastSync) }),
  });

  api.put(
    "/seats",
    {
      config: keepers,
      schema: {
        tags: ["creatives"],
        summary: "Merges buyer accounts by id; the same call again changes nothing",
        body: z.object({ items: z.array(givenSeat).min(1).max(mostMerged) }),
        response: { 200: merged },
      },
    },
    async (request) => {
      const { items } = request.body;
      assertUnique(items.map((item) => item.buyerId));
      return mergeSeats(database, { client: callerOf(request).client, origin: "real", rows: items });
    },
  );
}
