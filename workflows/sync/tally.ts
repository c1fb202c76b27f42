import type { DayPreview } from "../../activities/sync/shapes.ts";
import { type SliceSettled } from "./shapes.ts";

/** How far a run is. Kept small: it travels along when a backfill continues as new. */
export interface Tally {
  planned: number;
  done: number;
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
  failed: { day: string; type: string; reason: string }[];
  /** Days worth a look: unreconciled, emptied or shrunk. */
  flagged: { day: string; outcome: string }[];
  lastDays: string[];
  credentials: boolean;
  cancelled: boolean;
}

export interface RunSummary {
  days: number;
  done: number;
  failed: number;
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
  failedDays: string[];
  flagged: { day: string; outcome: string }[];
  /** Only of a dry run: the change in money per day that would change. */
  preview?: DayPreview[];
}

const shownDays = 12;
const keptFailures = 200;

export function emptyTally(planned: number): Tally {
  return {
    planned,
    done: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    withdrawn: 0,
    failed: [],
    flagged: [],
    lastDays: [],
    credentials: false,
    cancelled: false,
  };
}

export function addSettled(tally: Tally, settled: SliceSettled): void {
  switch (settled.state) {
    case "done": {
      const { result, day } = settled;
      tally.done += 1;
      tally.inserted += result.inserted;
      tally.updated += result.updated;
      tally.unchanged += result.unchanged;
      tally.withdrawn += result.withdrawn;
      if (["unreconciled", "emptied", "shrunk"].includes(result.outcome))
        tally.flagged.push({ day, outcome: result.outcome });
      const state = result.isFinal ? "final" : "provisional";
      remember(tally, dayLine(day, `${result.outcome}, ${state}`, result, result.shownTotal));
      break;
    }
    case "failed":
      if (tally.failed.length < keptFailures)
        tally.failed.push({ day: settled.day, type: settled.type, reason: settled.reason.slice(0, 300) });
      // Named in the order of days, whichever failed first.
      tally.failed.sort((one, other) => (one.day < other.day ? -1 : 1));
      if (settled.type === "CredentialsRejected") tally.credentials = true;
      remember(tally, `${settled.day}  FAILED ${settled.type}`);
      break;
    case "cancelled":
      tally.cancelled = true;
      break;
  }
}

export function addPreview(tally: Tally, preview: DayPreview): void {
  tally.done += 1;
  tally.inserted += preview.inserted;
  tally.updated += preview.updated;
  tally.withdrawn += preview.withdrawn;
  remember(tally, dayLine(preview.day, `changes by ${preview.change}`, preview, preview.after));
}

export function summarize(tally: Tally): RunSummary {
  const { planned, done, failed, inserted, updated, unchanged, withdrawn, flagged } = tally;
  return {
    days: planned,
    done,
    failed: failed.length,
    inserted,
    updated,
    unchanged,
    withdrawn,
    failedDays: failed.map(({ day }) => day),
    flagged,
  };
}

/** What the UI shows while the run is under way. */
export function describeDays(title: string, tally: Tally, state = ""): string {
  const bar = "█"
    .repeat(Math.round((20 * (tally.done + tally.failed.length)) / Math.max(1, tally.planned)))
    .padEnd(20, "░");
  const failures = tally.failed.slice(0, 10).map(({ day, type, reason }) => `- **${day}** ${type}: ${reason}`);
  return [
    `${title}${state === "" ? "" : `, **${state}**`}`,
    `\`${bar}\` ${tally.done} of ${tally.planned} days done, ${tally.failed.length} failed; ${tally.inserted} rows inserted, ${tally.updated} updated, ${tally.unchanged} unchanged, ${tally.withdrawn} withdrawn`,
    ...(failures.length === 0 ? [] : [failures.join("\n")]),
    ...(tally.lastDays.length === 0 ? [] : [`\`\`\`\n${heading}\n${tally.lastDays.join("\n")}\n\`\`\``]),
  ].join("\n\n");
}

// Aligned by hand: the UI sets a markdown table's columns without a gap between them.
const heading = ["day".padEnd(10), "state".padEnd(24), "insert", "update", "withdr", "sum".padStart(14)].join("  ");

function dayLine(
  day: string,
  state: string,
  rows: { inserted: number; updated: number; withdrawn: number },
  sum: string,
): string {
  const counts = [rows.inserted, rows.updated, rows.withdrawn].map((count) => String(count).padStart(6));
  return [day, state.padEnd(24), ...counts, sum.padStart(14)].join("  ");
}

function remember(tally: Tally, line: string): void {
  tally.lastDays = [...tally.lastDays, line].slice(-shownDays);
}
