import type { AnySource } from "../../connectors/source.ts";
import { readAlerts } from "../../queries/ops/alerts.ts";
import { compareBooks, readUnrecorded } from "../../queries/sync/stored.ts";
import type { Database } from "../../schema/database.ts";
import { targetOf } from "./read-day.ts";
import { raiseBooksAlert } from "./slice-alerts.ts";

/** Each slice is compared with its table once a day, in as many shares as there are ten minutes in one. */
const shares = 144;
const shareMs = 10 * 60_000;
const mostOpen = 500;

/** Compares this moment's share of all slices with their tables, and those that differed before once more. */
export async function watchBooks(database: Database, sources: readonly AnySource[], now: Date): Promise<void> {
  const share = { number: Math.floor(now.getTime() / shareMs) % shares, of: shares };
  const open = await readAlerts(database, { open: true, area: "sync", kind: "books_differ", limit: mostOpen });
  for (const source of sources) {
    const feed = targetOf(source, "", "");
    const { differences } = await compareBooks(database, feed, { share });
    // Rows of no recorded slice are in no share: they are looked for once a day, in the whole table.
    const unrecorded = share.number === 0 ? await readUnrecorded(database, feed) : [];
    for (const { client, slice, expected, held } of [...differences, ...unrecorded])
      await raiseBooksAlert(database, { client, source: source.name, day: slice, books: { expected, held } });
    for (const { client, subject } of open) {
      const [name, day = ""] = [subject.slice(0, subject.lastIndexOf("/")), subject.split("/").at(-1)];
      if (name !== source.name) continue;
      const again = await compareBooks(database, feed, { client, from: day, to: day });
      const [books = null] = again.differences;
      if (books === null) await raiseBooksAlert(database, { client, source: name, day, books: "same" });
    }
  }
}
