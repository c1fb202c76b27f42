import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { projectRoot } from "../../settings/environment.ts";
import { CommandError, exitCodes, type Report } from "./command-line.ts";

export const pageOptions = z.object({ write: z.boolean().default(false), check: z.boolean().default(false) });

export interface GeneratedPage {
  /** In docs/. */
  name: string;
  /** Its text as it should be. */
  page: string;
  /** `npm run ...` without options. */
  command: string;
  /** What it is generated from, as people say it. */
  from: string;
  /** What it lists, for the message after writing. */
  holds: string;
}

/** Writes, checks or prints a page that is generated. */
export async function settlePage(
  { name, page, command, from, holds }: GeneratedPage,
  { write, check }: z.output<typeof pageOptions>,
): Promise<Report & { document: { file: string; differs: boolean } }> {
  if (write && check) throw new CommandError(exitCodes.usage, "--write and --check exclude each other");
  const file = path.join(projectRoot(), "docs", name);
  const written = await readFile(file, "utf8").catch(() => "");
  const document = { file, differs: written !== page };
  if (write) {
    if (document.differs) await writeFile(file, page);
    return { document, lines: [`docs/${name} ${document.differs ? "written" : "is up to date"}: ${holds}`] };
  }
  if (!check) return { document, lines: [page.trimEnd()] };
  if (!document.differs) return { document, lines: [`docs/${name} is up to date`] };
  const place = `first at line ${firstDifference(written, page)}`;
  const todo = `npm run ${command} -- --write`;
  return { exitCode: exitCodes.found, document, lines: [`docs/${name} is not what ${from}, ${place}: ${todo}`] };
}

function firstDifference(one: string, other: string): number {
  const lines = one.split("\n");
  const index = other.split("\n").findIndex((line, number) => line !== lines[number]);
  return (index === -1 ? other.split("\n").length : index) + 1;
}
