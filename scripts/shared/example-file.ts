import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { addDays, daysFromTo } from "../../core/days.ts";
import { projectRoot } from "../../settings/environment.ts";

/** A small file of ad performance that comes with the code. */
export const exampleFile = "examples/performance.csv";

const dateOf = /^([^,]*,)(\d{4}-\d\d-\d\d)(?=,)/gm;

/** The same rows on the days that end yesterday, so that pages of the last days show them. */
export function untilYesterday(text: string, today: string): string {
  const last = [...text.matchAll(dateOf)]
    .map(([, , day = ""]) => day)
    .sort()
    .at(-1);
  if (last === undefined) return text;
  const days = Math.max(0, daysFromTo(last, today).length - 2);
  return text.replaceAll(dateOf, (_, before: string, day: string) => before + addDays(day, days));
}

/** Passes on a copy of the example with days of today, and any other file as it is. */
export async function withRecentDays<Result>(
  file: string,
  today: string,
  work: (file: string) => Promise<Result>,
): Promise<Result> {
  if (path.resolve(file) !== path.join(projectRoot(), exampleFile)) return work(file);
  const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-example-"));
  try {
    const copy = path.join(folder, path.basename(file));
    await writeFile(copy, untilYesterday(await readFile(file, "utf8"), today));
    return await work(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
