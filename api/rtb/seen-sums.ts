import { Big } from "big.js";
import {
  findCampaign,
  readCampaignGeographies,
  type FoundCampaign,
  type GeographyFigures,
} from "../../queries/rtb/campaigns.ts";
import {
  listCreatives,
  readTopGeographies,
  type CreativeFilter,
  type ListedCreative,
} from "../../queries/rtb/creatives.ts";
import type { Period } from "../../queries/rtb/rollups.ts";
import { Unavailable } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";
import { readUpToToday } from "./day.ts";

/** Sums per country are in no roll-up: they would cost every import more than they save. They are added up when asked for. */
export interface TopGeography {
  topGeography: string | null;
  topGeographyShare: number | null;
}

export const noTopGeography: TopGeography = { topGeography: null, topGeographyShare: null };

/** With the day that the periods of the answer end with. */
export interface SeenSums {
  listCreatives(
    filter: Omit<CreativeFilter, "asOf">,
  ): Promise<{ asOf: string; rows: ListedCreative[]; tops: ReadonlyMap<string, TopGeography> }>;
  findCampaign(of: {
    client: string;
    campaignId: number;
    period: Period;
  }): Promise<{ asOf: string; campaign: (FoundCampaign & { geographies: GeographyFigures[] }) | null }>;
}

const mostKeys = 500;
const mostPerKey = 20_000;
const mostTries = 3;

/**
 * Adds up what each country had, and remembers it for as long as it is true: the version that every import and refresh
 * changes with the records says so, and is read in the statement that reads the sums. Another import is another version.
 */
export function createSeenSums(parts: ServerParts): SeenSums {
  const { reading } = parts;
  const orders = createShelf<{ version: string | null; limit: number; creativeIds: string[] }>();
  const topGeographies = createShelf<{ version: string | null; of: Map<string, TopGeography> }>();
  const geographies = createShelf<{ version: string | null; creatives: string; rows: GeographyFigures[] }>();

  const read = (filter: Omit<CreativeFilter, "asOf">) =>
    readUpToToday(parts, filter.client, (asOf) => listCreatives(reading, { ...filter, asOf }));

  /** No index has ratios: each import would write them all. Who comes first is found by computing every one, once a version. */
  async function readInOrder(filter: Omit<CreativeFilter, "asOf">): ReturnType<typeof read> {
    const key = keyOfOrder(filter);
    if (key === null) return read(filter);
    const known = orders.get(key);
    if (known !== undefined && filter.limit <= known.limit) {
      const first = known.creativeIds.slice(0, filter.limit);
      const answer = await read({ ...filter, first });
      if (answer.found.version === known.version && rankedOf(answer.found.rows).length === first.length) return answer;
    }
    const answer = await read(filter);
    const creativeIds = rankedOf(answer.found.rows).map(({ creativeId }) => creativeId);
    orders.put(key, { version: answer.found.version, limit: filter.limit, creativeIds });
    return answer;
  }

  async function topsOf(
    { client, period, asOf }: CreativeFilter,
    { version, rows }: { version: string | null; rows: readonly ListedCreative[] },
  ): Promise<Map<string, TopGeography> | null> {
    const key = JSON.stringify([client, period, asOf]);
    let seen = topGeographies.get(key);
    if (seen?.version !== version || seen.of.size > mostPerKey) seen = { version, of: new Map() };
    const { of } = seen;
    const missing = rows.filter(({ creativeId, whole }) => Number(whole) > 0 && !of.has(creativeId));
    if (missing.length > 0) {
      const creativeIds = missing.map(({ creativeId }) => creativeId);
      const read = await readTopGeographies(reading, { client, period, asOf, creativeIds });
      if (read.version !== version) return null;
      for (const { creativeId, whole } of missing) of.set(creativeId, toTop(read.top.get(creativeId), whole));
    }
    topGeographies.put(key, seen);
    return of;
  }

  return {
    listCreatives: (filter) =>
      untilOneVersion(async () => {
        const { asOf, found } = await readInOrder(filter);
        const tops = await topsOf({ ...filter, asOf }, found);
        return tops === null ? undefined : { asOf, rows: found.rows, tops };
      }),

    findCampaign: (of) =>
      untilOneVersion(async () => {
        const { asOf, found } = await readUpToToday(parts, of.client, () => findCampaign(reading, of));
        if (found === null) return { asOf, campaign: null };
        const { version } = found;
        const key = JSON.stringify([of.client, of.campaignId, of.period, asOf]);
        const creatives = found.creativeIds.join();
        const seen = geographies.get(key);
        if (seen !== undefined && seen.version === version && seen.creatives === creatives)
          return { asOf, campaign: { ...found, geographies: seen.rows } };
        const read = await readCampaignGeographies(reading, { ...of, asOf, creativeIds: found.creativeIds });
        if (read.version !== version) return undefined;
        geographies.put(key, { version, creatives, rows: read.rows });
        return { asOf, campaign: { ...found, geographies: read.rows } };
      }),
  };
}

/** Of a first page whose order changes with the version only; null for any other. */
function keyOfOrder(filter: Omit<CreativeFilter, "asOf">): string | null {
  const { client, sort, period, tier, format, geography, buyerId, campaignId, after } = filter;
  const isByRatio = sort === "cpc" || sort === "cpm";
  const isFiltered = [format, geography, buyerId, campaignId].some((value) => value !== undefined);
  return isByRatio && !isFiltered && after == null ? JSON.stringify([client, sort, period, tier]) : null;
}

function rankedOf(rows: readonly ListedCreative[]): readonly ListedCreative[] {
  return rows.filter(({ place }) => place !== null);
}

/** An import that commits between two statements makes them tell of two versions: then both are asked again. */
async function untilOneVersion<Result>(read: () => Promise<Result | undefined>): Promise<Result> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const result = await read();
    if (result !== undefined) return result;
  }
  throw new Unavailable("files are being merged one after the other; try again soon");
}

/** The latest used stay. */
function createShelf<Value>(): { get: (key: string) => Value | undefined; put: (key: string, value: Value) => void } {
  const kept = new Map<string, Value>();
  return {
    get: (key) => kept.get(key),
    put(key, value) {
      kept.delete(key);
      kept.set(key, value);
      for (const oldest of kept.keys()) {
        if (kept.size <= mostKeys) break;
        kept.delete(oldest);
      }
    },
  };
}

/** Its share of the whole in percent, half-up to two places, as Postgres rounds. */
function toTop(best: { geography: string; spend: string } | undefined, whole: string | null): TopGeography {
  if (best === undefined || whole === null) return noTopGeography;
  const share = new Big(best.spend).times(100).div(whole).round(2, Big.roundHalfUp);
  return { topGeography: best.geography, topGeographyShare: Number(share) };
}
