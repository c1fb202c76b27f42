import { addDays, daysFromTo } from "../../core/days.ts";
import type { StoredOrigin } from "../../core/origin.ts";

/** A day is expected where files came on most of the days before; from noon on, a file of yesterday is missed. */
export const missingImport = { days: 7, most: 5, fromHour: 12, weeks: 3 };

export interface ImportVerdict {
  /** On how many of the days before a file came. */
  came: number;
  isThere: boolean;
  isMissing: boolean;
}

/** Should a file have come of this day, going by the days before? A weekday on which none ever comes is not expected. */
export function judgeImport(days: ReadonlySet<string>, day: string): ImportVerdict {
  const came = Array.from({ length: missingImport.days }, (_, back) => addDays(day, -1 - back)).filter((one) =>
    days.has(one),
  ).length;
  const isThere = days.has(day);
  return { came, isThere, isMissing: !isThere && came >= missingImport.most && !isFreeWeekday(days, day) };
}

/** Known for as many weeks as count, and without a file on that weekday in any of them. */
function isFreeWeekday(days: ReadonlySet<string>, day: string): boolean {
  const weeks = Array.from({ length: missingImport.weeks }, (_, back) => addDays(day, -7 * (back + 1)));
  const oldest = weeks.at(-1) ?? day;
  return !weeks.some((one) => days.has(one)) && [...days].some((one) => one <= oldest);
}

/** The days of a range of which a file is missing: from the first that was expected until one came again. */
export function missedDays(days: ReadonlySet<string>, { from, to }: { from: string; to: string }): Set<string> {
  const missed = new Set<string>();
  let isMissing = false;
  for (const day of daysFromTo(from, to)) {
    const { isThere, isMissing: isFirst } = judgeImport(days, day);
    isMissing = !isThere && (isMissing || isFirst);
    if (isMissing && !isFreeWeekday(days, day)) missed.add(day);
  }
  return missed;
}

/** What the files that were read by one mapping hold of one day. */
export interface HeldDay {
  day: string;
  /** The newest first. */
  fileIds: readonly number[];
  rows: number;
  spend: string;
  /** Rejected lines of these files that are open: of which day they are, nobody knows. */
  rejected: number;
  readAt: Date;
  /** Was the newest read after the day had ended? */
  isAfterEnd: boolean;
  /** `sandbox` where any of these files is about made-up creatives alone. */
  origin: StoredOrigin;
}

/** A file that was refused, on the client's calendar. */
export interface RefusedFile {
  fileId: number;
  name: string;
  cameOn: string;
}

export interface ImportDay {
  day: string;
  /** Null where no file is expected. */
  state: "final" | "provisional" | "partial" | "failed" | "missing" | null;
  reason: string | null;
  fileIds: readonly number[];
  rows: number;
  spend: string;
  rejected: number;
  readAt: Date | null;
  /** Null where no file holds the day. */
  origin: StoredOrigin | null;
}

interface Known {
  held: ReadonlyMap<string, HeldDay>;
  refused: readonly RefusedFile[];
  now: { today: string; hour: number };
}

/** Each day of a range as the files of one mapping leave it, the newest first. */
export function importDays({ held, refused, now }: Known, range: { from: string; to: string }): ImportDay[] {
  const known = new Set(held.keys());
  const [first] = [...known].sort();
  const last = lastExpected(now);
  const missed =
    first === undefined ? new Set<string>() : missedDays(known, { from: first, to: range.to < last ? range.to : last });
  return daysFromTo(range.from, range.to)
    .map((day): ImportDay => {
      const here = held.get(day);
      if (here !== undefined) return { ...here, ...stateOf(here) };
      const nothing = { day, rows: 0, spend: "0.00", rejected: 0, readAt: null, origin: null };
      // The usual file of a day comes the day after.
      const lost = day >= now.today ? undefined : refused.find(({ cameOn }) => cameOn === addDays(day, 1));
      if (lost !== undefined)
        return { ...nothing, fileIds: [lost.fileId], state: "failed", reason: `${lost.name} was refused` };
      const none = { ...nothing, fileIds: [] };
      if (missed.has(day)) return { ...none, state: "missing", reason: "no file has this day" };
      return { ...none, state: null, reason: whyNone(day, { first, now, came: judgeImport(known, day).came }) };
    })
    .reverse();
}

/** Yesterday's file may come until noon. */
const lastExpected = ({ today, hour }: Known["now"]) => addDays(today, hour < missingImport.fromHour ? -2 : -1);

function stateOf({ rejected, isAfterEnd }: HeldDay): Pick<ImportDay, "state" | "reason"> {
  if (rejected > 0)
    return { state: "partial", reason: `its files have ${rejected} rejected ${rejected === 1 ? "line" : "lines"}` };
  return isAfterEnd
    ? { state: "final", reason: null }
    : { state: "provisional", reason: "the file was read before the day had ended" };
}

function whyNone(
  day: string,
  { first, now, came }: { first: string | undefined; now: Known["now"]; came: number },
): string {
  if (day >= now.today) return "the day is not over";
  if (first === undefined || day < first) return "before its first file";
  if (day > lastExpected(now)) return `expected by ${missingImport.fromHour}:00`;
  return `no file is expected: one came on ${came} of the ${missingImport.days} days before`;
}

/** Why the files of a mapping are late; null while they are not. */
export function whyLate(known: ReadonlySet<string>, now: Known["now"]): string | null {
  const last = lastExpected(now);
  const newest = [...known].sort().findLast((day) => day <= last);
  if (newest === undefined || missedDays(known, { from: addDays(newest, 1), to: last }).size === 0) return null;
  return `no file has a day after ${newest}`;
}
