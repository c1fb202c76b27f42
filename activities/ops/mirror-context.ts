import type { Redact } from "../../core/redact.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import type { Database } from "../../schema/database.ts";

export interface MirrorContext {
  database: Database;
  /** Null where there is none. */
  store: ColumnStore | null;
  redact: Redact;
  /** How long a run looks for changes, where that is not for most of a minute. */
  lookForMs?: number;
}

export type OpenMirror = MirrorContext & { store: ColumnStore };
