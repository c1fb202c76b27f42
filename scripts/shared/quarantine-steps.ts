import { fileSources } from "../../rules/files/file-kinds.ts";
import type { QuarantinedSlice } from "../../queries/sync/quarantine.ts";
import { count } from "./printing.ts";

const look = "  look at them, each with its reason: npm run quarantine -- list";

export const entriesOf = (slices: readonly QuarantinedSlice[]) => slices.reduce((sum, slice) => sum + slice.entries, 0);

/** Entries of what is no feed of ours any more, such as a webhook's: nothing can be fetched again, a person decides. */
export function whatElse(open: readonly QuarantinedSlice[]): string[] {
  if (open.length === 0) return [];
  const names = [...new Set(open.map(({ source }) => source))].join(", ");
  return [
    `${count(entriesOf(open), "open entry", "open entries")} of ${names} cannot be fetched again: their sender has to send them again.`,
    look,
  ];
}

/** What to do about entries that were read again and are as they were. */
export function whatRemains(slices: readonly { source: string; remaining: number }[]): string[] {
  const remaining = (isFile: boolean) =>
    slices.reduce((sum, one) => sum + (fileSources.includes(one.source) === isFile ? one.remaining : 0), 0);
  const [lines, rows] = [remaining(true), remaining(false)];
  if (lines + rows === 0) return [];
  return [
    "",
    ...(rows === 0
      ? []
      : [
          `${count(rows, "row")} came as before: correct them at the vendor. The next fetch after that resolves them; until then they count in no table.`,
        ]),
    ...(lines === 0
      ? []
      : [
          `${count(lines, "line")} of files are rejected as before: npm run quarantine -- correct <entry> --line '...', or import a corrected file.`,
        ]),
    look,
  ];
}
