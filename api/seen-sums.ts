import { Big } from "big.js";
import {
  findCampaign,
  readCampaignGeographies,
  type FoundCampaign,
  type GeographyFigures,
} from "../queries/rtb-campaigns.ts";
import {
  listCreatives,
  readTopGeographies,
  type CreativeFilter,
  type ListedCreative,
} from "../queries/rtb-creatives.ts";
import type { Period } from "../queries/rtb-rollups.ts";
import type { Queryable } from "../schema/database.ts";
import { Unavailable } from "./errors.ts";

/** Sums per country are in no roll-up: they would cost every import more than they save. They are added up when asked for. */
interface Top {
  geography: string;
  spend: string;
}

type WithTop = ListedCreative & { topGeography: string | null; topGeographyShare: number | null };

export interface SeenSums {
  listCreatives(filter: CreativeFilter): Promise<WithTop[]>;
  findCampaign(of: {
    client: string;
    campaignId: number;
    period: Period;
    asOf: string;
  }): Promise<(FoundCampaign & { geographies: GeographyFigures[] }) | null>;
}

const mostKeys = 500;
const mostPerKey = 20_000;
const mostTries = 3;

/**
 * Adds up what each country had, and remembers it for as long as it is true: the version that every import and refresh
 * changes with the records says so, and is read in the statement that reads the sums. Another import is another version.
 */
export function createSeenSums(reading: Queryable): SeenSums {
  const tops = createShelf<{ version: string | null; of: Map<string, Top | null> }>();
  const geographies = createShelf<{ version: string | null; creatives: string; rows: GeographyFigures[] }>();

  async function topsOf(
    filter: CreativeFilter,
    rows: readonly ListedCreative[],
  ): Promise<Map<string, Top | null> | null> {
    const { client, period, asOf } = filter;
    const spenders = rows.filter(({ whole }) => whole !== null && new Big(whole).gt(0)).map((row) => row.creativeId);
    if (spenders.length === 0) return new Map();
    const version = rows[0]?.version ?? null;
    const key = JSON.stringify([client, period, asOf]);
    let seen = tops.get(key);
    if (seen?.version !== version || seen.of.size > mostPerKey) seen = { version, of: new Map() };
    const { of } = seen;
    const missing = spenders.filter((creative) => !of.has(creative));
    if (missing.length > 0) {
      const read = await readTopGeographies(reading, { client, period, asOf, creativeIds: missing });
      if (read.version !== version) return null;
      for (const creative of missing) of.set(creative, read.top.get(creative) ?? null);
    }
    tops.put(key, seen);
    return of;
  }

  return {
    listCreatives: (filter) =>
      untilOneVersion(async () => {
        const rows = await listCreatives(reading, filter);
        const top = await topsOf(filter, rows);
        if (top === null) return undefined;
        return rows.map((row) => {
          const best = top.get(row.creativeId) ?? null;
          return {
            ...row,
            topGeography: best?.geography ?? null,
            topGeographyShare: best === null || row.whole === null ? null : percent(best.spend, row.whole),
          };
        });
      }),

    findCampaign: (of) =>
      untilOneVersion(async () => {
        const found = await findCampaign(reading, of);
        if (found === null) return null;
        const key = JSON.stringify([of.client, of.campaignId, of.period, of.asOf]);
        const creatives = found.creativeIds.join();
        const seen = geographies.get(key);
        if (seen !== undefined && seen.version === found.version && seen.creatives === creatives)
          return { ...found, geographies: seen.rows };
        const read = await readCampaignGeographies(reading, { ...of, creativeIds: found.creativeIds });
        if (read.version !== found.version) return undefined;
        geographies.put(key, { version: read.version, creatives, rows: read.rows });
        return { ...found, geographies: read.rows };
      }),
  };
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

/** Half-up to two places, as Postgres rounds. */
function percent(part: string, whole: string): number | null {
  return new Big(whole).eq(0) ? null : Number(new Big(part).times(100).div(whole).round(2, Big.roundHalfUp).toFixed(2));
}
