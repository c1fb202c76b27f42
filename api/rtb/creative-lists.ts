import { listCreatives, type CreativeFilter, type ListedCreative } from "../../queries/rtb/list-creatives.ts";
import type { ServerParts } from "../server/parts.ts";
import { readUpToToday } from "./day.ts";
import { createTopGeographies, type TopGeography } from "./top-geographies.ts";
import { createVersionedMemory, untilOneVersion } from "./versioned-memory.ts";

type Filter = Omit<CreativeFilter, "asOf">;

/** Lists of creatives, with the day that their periods end with and where each creative spent most. */
export interface CreativeLists {
  listCreatives(
    filter: Filter,
  ): Promise<{ asOf: string; rows: ListedCreative[]; tops: ReadonlyMap<string, TopGeography> }>;
}

/**
 * No index has ratios: each import would write them all. Who comes first by one is found by computing every one, once a
 * version, and remembered.
 */
export function createCreativeLists(parts: ServerParts): CreativeLists {
  const { reading } = parts;
  const orders = createVersionedMemory<{ limit: number; ids: string[] }>();
  const topGeographiesOf = createTopGeographies(reading);

  const read = (filter: Filter) =>
    readUpToToday(parts, filter.client, (asOf) => listCreatives(reading, { ...filter, asOf }));

  async function readInOrder(filter: Filter): ReturnType<typeof read> {
    const key = keyOfOrder(filter);
    if (key === null) return read(filter);
    const known = orders.peek(key);
    if (known !== undefined && filter.limit <= known.value.limit) {
      const first = known.value.ids.slice(0, filter.limit);
      const answer = await read({ ...filter, first });
      if (answer.found.version === known.version && rankedOf(answer.found.rows).length === first.length) return answer;
    }
    const answer = await read(filter);
    const ids = rankedOf(answer.found.rows).map(({ id }) => id);
    orders.put(key, answer.found.version, { limit: filter.limit, ids });
    return answer;
  }

  return {
    listCreatives: (filter) =>
      untilOneVersion(async () => {
        const { asOf, found } = await readInOrder(filter);
        const tops = await topGeographiesOf({ ...filter, asOf }, found);
        return tops === undefined ? undefined : { asOf, rows: found.rows, tops };
      }),
  };
}

const narrowing = [
  ...(["format", "geography", "buyerId", "campaignId"] as const),
  ...(["advertiser", "approval", "language", "vanished"] as const),
];

/** Of a first page whose order changes with the version only; null for any other. */
function keyOfOrder(filter: Filter): string | null {
  const { client, sort, period, tier, after } = filter;
  const isByRatio = sort === "cpc" || sort === "cpm";
  const isFiltered = narrowing.some((name) => filter[name] !== undefined);
  return isByRatio && !isFiltered && after == null ? JSON.stringify([client, sort, period, tier]) : null;
}

function rankedOf(rows: readonly ListedCreative[]): readonly ListedCreative[] {
  return rows.filter(({ place }) => place !== null);
}
