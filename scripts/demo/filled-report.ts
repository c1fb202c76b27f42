import { exitCodes, type Report } from "../shared/command-line.ts";
import { table } from "../shared/printing.ts";
import type { FilledArea } from "./fill.ts";

/** What a demo filled, as its command tells it. */
export function filledReport(
  areas: readonly FilledArea[],
  { client, days, started, again }: { client: string; days: number; started: number; again: string },
): Report {
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const failed = areas.filter((area) => area.failed);
  return {
    exitCode: failed.length === 0 ? exitCodes.fine : exitCodes.found,
    document: { client, days, seconds, areas },
    lines: [
      ...table(
        ["area", "rows", "new", "seconds", ""],
        areas.map(({ area, rows, added, seconds: took, note, failed: isFailed }) => [
          area,
          rows,
          added,
          took.toFixed(1),
          note === null ? "" : isFailed ? `failed: ${note}` : `left out: ${note}`,
        ]),
      ),
      "",
      `client ${client}: ${days} days in ${seconds.toFixed(1)} s. Open the pages with: npm run login`,
      ...(failed.length === 0 ? [] : [`run it again to continue with what failed: ${again}`]),
    ],
  };
}
