import { reportKinds, sourceOf, type FileKind } from "../../rules/files/file-kinds.ts";
import type { Session } from "../../schema/database.ts";
import { mergeStaged } from "./merge-file.ts";
import { mergeReport, type ReportTarget } from "./merge-report.ts";
import type { MergedFile } from "./merge-shapes.ts";
import { stagedReport } from "./report-columns.ts";
import { stagedTable } from "./staging.ts";

/** Where the lines of a kind of file go: as what they are staged, and how they are merged. */
export interface FileStore {
  source: string;
  staged: string;
  merge(session: Session, target: ReportTarget): Promise<MergedFile>;
}

export function storeOf(kind: FileKind = "performance"): FileStore {
  const source = sourceOf(kind);
  return kind === "performance"
    ? { source, staged: stagedTable, merge: mergeStaged }
    : {
        source,
        staged: stagedReport(reportKinds[kind]),
        merge: (session, target) => mergeReport(session, kind, target),
      };
}
