import { readCatalog } from "../../queries/ops/catalog.ts";
import { defineCommand, runCommand, work, type Report } from "../shared/command-line.ts";
import { pageOptions, settlePage } from "../shared/generated-page.ts";
import { count } from "../shared/printing.ts";
import { describeTables } from "../shared/table-page.ts";

const command = defineCommand(
  "tables",
  "Prints docs/tables.md, the list of all tables and views, from the comments in the database. --write writes the file.",
  ["npm run tables -- --write", "npm run tables -- --check"],
)
  .option("--write", "write docs/tables.md")
  .option("--check", "exit 1 when docs/tables.md differs from the database");

command.action(
  work(pageOptions, async (desk, options): Promise<Report> => {
    const tables = await readCatalog(await desk.database());
    const report = await settlePage(
      {
        name: "tables.md",
        page: describeTables(tables),
        command: "tables",
        from: "the database says",
        holds: count(tables.length, "table and view", "tables and views"),
      },
      options,
    );
    return { ...report, document: { ...report.document, tables } };
  }),
);

await runCommand(command);
