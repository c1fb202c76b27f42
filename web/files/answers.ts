import type { z } from "zod";
import type { corrected } from "../../api/files/correct-line.ts";
import type { importDay, importFeed } from "../../api/files/import-days.ts";
import type { fileTotals, historyDay, listedImport, status } from "../../api/files/import-shapes.ts";
import type { preview, previewUnderWay } from "../../api/files/preview-shapes.ts";
import type { clearLine, redriven, rejectedLine } from "../../api/files/quarantined-line.ts";
import type { quarantined, quarantineTotals } from "../../api/sync/shapes.ts";

/** What the JSON routes answer. */
export type ImportStatus = z.infer<typeof status>;
export type FileTotals = z.infer<typeof fileTotals>;
export type ListedImport = z.infer<typeof listedImport>;
export type HistoryDay = z.infer<typeof historyDay>;
export type ImportDay = z.infer<typeof importDay>;
export type ImportFeed = z.infer<typeof importFeed>;
export type Quarantined = z.infer<typeof quarantined>;
export type QuarantineTotals = z.infer<typeof quarantineTotals>;
export type Redriven = z.infer<typeof redriven>;
export type RejectedLine = z.infer<typeof rejectedLine>;
export type ClearLine = z.infer<typeof clearLine>;
export type Corrected = z.infer<typeof corrected>;
export type Preview = z.infer<typeof preview>;
export type PreviewUnderWay = z.infer<typeof previewUnderWay>;

export const imports = "/api/v1/rtb/performance/imports";
export const importDays = "/api/v1/rtb/performance/days";
export const previews = "/api/v1/rtb/performance/preview";
export const quarantine = "/api/v1/ops/quarantine";
