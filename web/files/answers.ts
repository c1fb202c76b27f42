import type { z } from "zod";
import type { historyDay, listedImport, status } from "../../api/files/import-shapes.ts";
import type { quarantined } from "../../api/sync/shapes.ts";

/** What the JSON routes answer. */
export type ImportStatus = z.infer<typeof status>;
export type ListedImport = z.infer<typeof listedImport>;
export type HistoryDay = z.infer<typeof historyDay>;
export type Quarantined = z.infer<typeof quarantined>;

export interface Listed<Item> {
  items: Item[];
  next: string | null;
}

export const imports = "/api/v1/rtb/performance/imports";
export const quarantine = "/api/v1/ops/quarantine";
