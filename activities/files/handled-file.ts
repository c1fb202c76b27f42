import { sourceOf } from "../../rules/files/file-kinds.ts";
import type { FileCounts } from "../../connectors/files/performance-file.ts";
import { maskPath } from "../../core/personal.ts";
import { sha256 } from "../../core/crypto.ts";
import type { HandledFile } from "../../queries/files/files.ts";
import { runOf } from "../shared/run-of.ts";
import { settingsOf } from "./input.ts";
import type { FilePlace } from "./places.ts";
import type { FilesContext, Reading } from "./shapes.ts";

/** What ops.files keeps of a file whatever became of it. */
export function handled(
  { config }: Pick<FilesContext, "config">,
  { place, mapping, opened, digest, startedAt }: Omit<Reading, "errors" | "mostRecords">,
  fileId: number,
  counts: Partial<FileCounts>,
): HandledFile {
  const { s3: _s3, reportZone, spendReport: _spend, ...others } = settingsOf(config, place.client);
  const { kind = "performance" } = mapping.mapping;
  const settings = kind === "performance" ? others : { ...others, reportZone };
  return {
    fileId,
    source: sourceOf(kind),
    client: place.client,
    sha256: digest,
    mapping: mapping.mapping.name,
    mappingVersion: mapping.mapping.version,
    name: place.name,
    place: place.place,
    path: maskPath(place.path),
    bytes: opened.bytes,
    optionsHash: sha256(JSON.stringify(settings)).slice(0, 16),
    lines: counts.lines ?? 0,
    preamble: counts.preamble ?? 0,
    totals: counts.totals ?? 0,
    rejected: counts.rejected ?? 0,
    startedAt,
    ...runOf(),
  };
}

export const alertKinds = ["file_refused", "ingest_failed"];

/** A file that is corrected and imported again under its name settles its alerts. */
export function subjectOf(place: FilePlace) {
  // An upload's path is another each time; what its sender calls it is not.
  const subject = place.place === "upload" ? place.name : place.path;
  return { client: place.client, area: "ingest", subject: maskPath(subject).slice(0, 500) };
}
