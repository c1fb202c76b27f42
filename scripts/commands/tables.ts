import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { projectRoot } from "../../settings/environment.ts";
import { readCatalog } from "../../queries/ops/catalog.ts";
import { CommandError, defineCommand, exitCodes, runCommand, work, type Report } from "../shared/command-line.ts";
import { count } from "../shared/printing.ts";
import { describeTables } from "../shared/table-page.ts";

const command = defineCommand("tables", "Writes docs/tables.md from the comments in the database.", [
  "npm run tables -- --write",
  "npm run tables -- --check",
])
  .option("--write", "write docs/tables.md")
  .option("--check", "exit 1 when docs/tables.md differs from the database");

command.action(
  work(
    z.object({ write: z.boolean().default(false), check: z.boolean().default(false) }),
    async (context, { write, check }): Promise<Report> => {
      if (write && check) throw new CommandError(exitCodes.usage, "--write and --check exclude each other");
      const tables = await readCatalog(await context.database());
      const page = describeTables(tables);
      const file = path.join(projectRoot(), "docs", "tables.md");
      const written = await readFile(file, "utf8").catch(() => "");
      const differs = written !== page;
      const document = { file, tables, differs };
      if (write) {
        if (differs) await writeFile(file, page);
        return {
          document,
          lines: [
            `docs/tables.md ${differs ? "written" : "is up to date"}: ${count(tables.length, "table and view", "tables and views")}`,
          ],
        };
      }
      if (!check) return { document, lines: [page.trimEnd()] };
      if (!differs) return { document, lines: ["docs/tables.md is up to date"] };
      return {
        exitCode: exitCodes.found,
        document,
        lines: [
          `docs/tables.md is not what the database says, first at line ${firstDifference(written, page)}: npm run tables -- --write`,
        ],
      };
    },
  ),
);

function firstDifference(one: string, other: string): number {
  const lines = one.split("\n");
  const index = other.split("\n").findIndex((line, number) => line !== lines[number]);
  return (index === -1 ? other.split("\n").length : index) + 1;
}

await runCommand(command);
