import { MockActivityEnvironment } from "@temporalio/testing";
import type { Engine } from "../bench/chdb/chdb.ts";
import { mirrorChanges, type MirroredDays } from "../activities/ops/mirror-days.ts";
import { ColumnStoreAway, openColumnStore, type ColumnStore } from "../schema/clickhouse/column-store.ts";
import type { Database } from "../schema/database.ts";

export const openStore = (engine: Pick<Engine, "url">, { password = "" } = {}): ColumnStore =>
  openColumnStore({
    ...{ url: engine.url, user: "default", password, database: "signal_room", cluster: null },
    ...{ timeoutMs: 20_000, name: "tests" },
  });

/** Mirrors what waits, as the workflow's activity does. */
export function mirror(database: Database, store: ColumnStore | null): Promise<MirroredDays> {
  const context = { database, store, redact: (text: string) => text, lookForMs: 0 };
  return new MockActivityEnvironment().run(() => mirrorChanges(context)) as Promise<MirroredDays>;
}

/** Counts what is asked of a column store, and what it does not answer. */
export function countingStore(store: ColumnStore): { store: ColumnStore; asked: number; refused: string[] } {
  const counted = {
    asked: 0,
    refused: [] as string[],
    store: {
      ...store,
      rows: async (...of: Parameters<ColumnStore["rows"]>) => {
        counted.asked += 1;
        return store.rows(...of).catch((error: unknown) => {
          counted.refused.push(error instanceof ColumnStoreAway ? String(error.cause) : String(error));
          throw error;
        });
      },
    },
  };
  return counted;
}
