import { Big } from "big.js";
import type { Queryable } from "../../schema/database.ts";
import type { CreativeFilter, ListedCreative } from "../../queries/rtb/list-creatives.ts";
import { readTopGeographies } from "../../queries/rtb/top-geographies.ts";
import { createVersionedMemory } from "./versioned-memory.ts";

/** Sums per country are in no roll-up: they would cost every import more than they save. They are added up when asked for. */
export interface TopGeography {
  topGeography: string | null;
  topGeographyShare: number | null;
}

export const noTopGeography: TopGeography = { topGeography: null, topGeographyShare: null };

const mostPerKey = 20_000;

/** Where creatives spent most; undefined when an import has committed since they were listed. */
export type TopGeographiesOf = (
  filter: Pick<CreativeFilter, "client" | "period" | "asOf">,
  listed: { version: string | null; rows: readonly ListedCreative[] },
) => Promise<ReadonlyMap<string, TopGeography> | undefined>;

export function createTopGeographies(reading: Queryable): TopGeographiesOf {
  const memory = createVersionedMemory<Map<string, TopGeography>>();
  return async ({ client, period, asOf }, { version, rows }) => {
    const key = JSON.stringify([client, period, asOf]);
    const known = memory.get(key, version);
    const of = known === undefined || known.size > mostPerKey ? new Map<string, TopGeography>() : known;
    const missing = rows.filter(({ id, whole }) => Number(whole) > 0 && !of.has(id));
    if (missing.length > 0) {
      const ids = missing.map(({ id }) => id);
      const read = await readTopGeographies(reading, { client, period, asOf, ids });
      if (read.version !== version) return undefined;
      for (const { id, whole } of missing) of.set(id, toTop(read.top.get(id), whole));
    }
    memory.put(key, version, of);
    return of;
  };
}

/** Its share of the whole in percent, half-up to two places, as Postgres rounds. */
function toTop(best: { geography: string; spend: string } | undefined, whole: string | null): TopGeography {
  if (best === undefined || whole === null) return noTopGeography;
  const share = new Big(best.spend).times(100).div(whole).round(2, Big.roundHalfUp);
  return { topGeography: best.geography, topGeographyShare: Number(share) };
}
