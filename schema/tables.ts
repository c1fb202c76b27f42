import { readdir } from "node:fs/promises";
import { describedComments } from "./describe.ts";

/** The comments of all tables that describe themselves: their files are found, not listed. */
export async function commentsOfTables(): Promise<string> {
  const here = new URL(".//", import.meta.url);
  for (const file of (await readdir(here)).sort())
    if (/^[a-z-]+\.(ts|js)$/.test(file) && !["database", "migrate", "tables"].includes(file.replace(/\..*$/, "")))
      await import(`./${file}`);
  return describedComments();
}
