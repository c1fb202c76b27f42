import { vendorNames } from "../../sandbox/find-vendors.ts";
import { defineCommand, runCommand, work, type Report } from "../shared/command-line.ts";
import { pageOptions, settlePage } from "../shared/generated-page.ts";
import { count } from "../shared/printing.ts";
import { describeSettings, listSettings } from "../shared/settings-page.ts";

const command = defineCommand(
  "settings-page",
  "Prints docs/settings.md, the list of all settings, from their definitions in the code. --write writes the file.",
  ["npm run settings-page -- --write", "npm run settings-page -- --check"],
)
  .option("--write", "write docs/settings.md")
  .option("--check", "exit 1 when docs/settings.md differs from the definitions");

command.action(
  work(pageOptions, async (_, options): Promise<Report> => {
    const settings = listSettings(vendorNames());
    const report = await settlePage(
      {
        name: "settings.md",
        page: describeSettings(settings),
        command: "settings-page",
        from: "the definitions say",
        holds: count(settings.length, "setting"),
      },
      options,
    );
    return { ...report, document: { ...report.document, settings } };
  }),
);

await runCommand(command);
