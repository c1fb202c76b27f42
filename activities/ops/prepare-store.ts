import { randomBytes } from "node:crypto";
import { storeShape, storeStatements, tablesNeeded } from "../../schema/clickhouse/column-tables.ts";
import { beginStore, readStore } from "../../queries/ops/mirror-store.ts";
import type { OpenMirror } from "./mirror-context.ts";

/**
 * The id of the filling that copies go to. A column store that is new, has lost a table, or has the tables of another
 * release gets tables of a new id, and every day is to be mirrored: nobody reads there what is not known to be there.
 */
export async function prepareStore({ database, store }: OpenMirror): Promise<string> {
  const { cluster } = store;
  const shape = storeShape(cluster);
  await store.begin();
  const known = await readStore(database);
  const there = new Set((await store.rows({ text: "show tables" })).map(([name]) => name ?? ""));
  if (known?.shape === shape && tablesNeeded(known.identity).every((name) => there.has(name))) return known.identity;
  const identity = randomBytes(4).toString("hex");
  for (const text of storeStatements({ identity, cluster })) await store.run({ text });
  await beginStore(database, { identity, shape });
  // Tables of earlier fillings, first those that fill others.
  const old = [...there]
    .filter((name) => /_[0-9a-f]{8}(_fill|_local)?$/.test(name))
    .sort((one) => (one.endsWith("_fill") ? -1 : 1));
  for (const name of old)
    await store.run({ text: `drop table if exists ${name}${cluster === null ? "" : ` on cluster '${cluster}'`} sync` });
  return identity;
}
