import { setImmediate as nextTurn } from "node:timers/promises";
import type { StoredOrigin } from "../../core/origin.ts";
import { runPolitely } from "../../core/steps.ts";
import { readCatalogue, readSpendByCountry } from "../../queries/intelligence/catalogue.ts";
import { readTaken } from "../../queries/intelligence/standing.ts";
import { factsOfStored } from "../../rules/intelligence/catalogue-facts.ts";
import { groupSteps, withoutCreatives, type Grouped } from "../../rules/intelligence/cluster.ts";
import { toItem, type Item } from "../../rules/intelligence/creative-facts.ts";
import type { Database } from "../../schema/database.ts";

/** Few enough that reading their markup takes no longer than a moment. */
const atATime = 50;

export interface ReadGroups extends Grouped {
  creatives: number;
  origins: ReadonlyMap<string, StoredOrigin>;
}

/**
 * A client's creatives in the groups that the rules make of them, without those of people's own campaigns. Thousands take
 * seconds of the processor: other work of this worker has its turns in between.
 */
export async function readGroups(
  database: Database,
  { client, genres, signal }: { client: string; genres: ReadonlyMap<string, string>; signal: AbortSignal },
): Promise<ReadGroups> {
  const spend = await readSpendByCountry(database, { client });
  const items: Item[] = [];
  const origins = new Map<string, StoredOrigin>();
  for (let after: string | null = null; ;) {
    const rows = await readCatalogue(database, { client, after, limit: atATime });
    for (const { origin, ...stored } of rows) {
      items.push(toItem(factsOfStored(stored, spend.get(stored.id) ?? [], genres)));
      origins.set(stored.id, origin);
    }
    after = rows.at(-1)?.id ?? null;
    signal.throwIfAborted();
    if (rows.length < atATime) break;
    await nextTurn();
  }
  const { groups, inputHash } = await runPolitely(groupSteps(items), { signal });
  const taken = await readTaken(database, { client });
  return {
    groups: withoutCreatives(groups, taken),
    inputHash,
    creatives: items.filter(({ id }) => !taken.has(id)).length,
    origins,
  };
}
