import { rowTables } from "../../schema/clickhouse/column-tables.ts";
import { feedNamed } from "../../schema/clickhouse/feeds.ts";
import { forgetCopies, readLeftovers } from "../../queries/ops/mirror-versions.ts";
import type { OpenMirror } from "./mirror-context.ts";

/** Deletes rows of copies that were replaced or given up. Until then whoever reads leaves them out. */
export async function deleteLeftovers({ database, store }: OpenMirror, identity: string): Promise<void> {
  const { cluster } = store;
  for (const { client, from, to, versions, settled, ...of } of await readLeftovers(database)) {
    const feed = feedNamed(of.feed);
    for (const table of rowTables(feed, { identity, cluster }))
      await store.run({
        text: `delete from ${table}${cluster === null ? "" : ` on cluster '${cluster}'`}
                where _client_id = {client:String} and ${feed.day} between {from:Date32} and {to:Date32} and _version in {versions:Array(UInt64)}`,
        values: { client, from, to, versions },
      });
    await forgetCopies(database, settled);
  }
}
