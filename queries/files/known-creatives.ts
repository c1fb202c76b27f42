import type { Queryable } from "../../schema/database.ts";

/** What is stored of a creative that a line names: nothing against it, nothing at all, or several seats that have it. */
export interface KnownCreatives {
  stateOf(buyerId: string | null, creativeId: string): "fine" | "unknown" | readonly string[];
}

/**
 * What lines are checked against while a file is read. Where unknown creatives are created, only those need to be known
 * that are in several seats: a line that names no seat could be of either.
 */
export async function readKnownCreatives(
  database: Queryable,
  { client, createStubs }: { client: string; createStubs: boolean },
): Promise<KnownCreatives> {
  const { rows } = await database.query<[string, (string | null)[]]>({
    text: `select creative_id, array_agg(buyer_id order by buyer_id nulls first) from rtb.creatives where _client_id = $1
            group by creative_id ${createStubs ? "having count(*) > 1" : ""}`,
    values: [client],
    rowMode: "array",
  } as never);
  const seats = new Map(rows);
  const named = new Map<string, string>();
  return {
    stateOf(buyerId, creativeId) {
      const found = seats.get(creativeId) ?? seats.get(creativeId.replace(/^0+(?=\d+$)/, ""));
      if (found === undefined) return createStubs ? "fine" : "unknown";
      if (buyerId === null) return found.length === 1 || found[0] === null ? "fine" : (found as string[]);
      if (createStubs || found.includes(buyerId)) return "fine";
      if (found[0] !== null) return "unknown";
      // A creative whose seat nobody has named becomes that of the first seat that is; the next seat's is another.
      const first = named.get(creativeId) ?? buyerId;
      named.set(creativeId, first);
      return first === buyerId ? "fine" : "unknown";
    },
  };
}
