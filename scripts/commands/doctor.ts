import { z } from "zod";
import { ConfigError } from "../../settings/config.ts";
import type { Database } from "../../schema/database.ts";
import {
  type CommandContext,
  defineCommand,
  exitCodes,
  readSettings,
  type Report,
  runCommand,
  work,
} from "../shared/command-line.ts";
import { fail, type Finding, messageOf } from "../doctor/findings.ts";
import { describeSettings, examineImport } from "../doctor/examine-settings.ts";
import { examineDatabase } from "../doctor/examine-database.ts";
import { examineKey } from "../doctor/examine-keys.ts";
import { examineOrigins } from "../doctor/examine-origins.ts";
import { examineTemporal } from "../doctor/examine-temporal.ts";
import { examineApi } from "../doctor/examine-api.ts";

const command = defineCommand(
  "doctor",
  "Checks settings, keys, Postgres, Temporal and the HTTP server, and says what to do. Exits 1 on a FAIL.",
  ["npm run doctor", "npm run doctor -- --json"],
);

command.action(async (options: { json?: boolean }) => {
  const broken = brokenSettings();
  if (broken === null) return work(z.object({}), examine)(command);
  // Nothing else can be looked at without settings; they are shown the way everything else is.
  const { document, lines } = report(broken);
  process.stdout.write(
    options.json === true ? `${JSON.stringify(document, null, 2)}\n` : lines.map((line) => `${line}\n`).join(""),
  );
  process.exitCode = exitCodes.found;
});

function brokenSettings(): Finding[] | null {
  try {
    readSettings();
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => fail(`settings: ${problem}`, "see docs/settings.md"));
  }
}

async function examine(context: CommandContext): Promise<Report> {
  const findings: Finding[] = [];
  const look = async (what: string, check: () => Promise<Finding[]>) => {
    context.progress.show(`looking at ${what}`);
    findings.push(
      ...(await check().catch((error: unknown) => [
        fail(`${what}: ${error instanceof Error ? error.message : String(error)}`, "see above for what it depends on"),
      ])),
    );
  };
  await look("settings", () => Promise.resolve(describeSettings(context)));
  let database: Database | null = null;
  await look("Postgres", async () => {
    try {
      database = await context.database();
    } catch (error) {
      return [fail(`Postgres: ${messageOf(error)}`, "nothing is stored without it")];
    }
    return examineDatabase(context, database);
  });
  for (const account of context.config.accounts.values())
    await look(`the key for ${account.name}`, () => examineKey(context, account, database));
  await look("stored sandbox data", () => examineOrigins(database, context.config.accounts.values()));
  await look("the import folder", () => examineImport(context));
  await look("Temporal", () => examineTemporal(context));
  await look("the HTTP server", () => examineApi(context));
  return report(findings);
}

function report(findings: Finding[]): Report {
  const failed = findings.some((finding) => finding.level === "FAIL");
  return {
    exitCode: failed ? exitCodes.found : exitCodes.fine,
    document: { ok: !failed, findings },
    lines: findings.map(
      ({ level, what, todo }) => `${level.padEnd(4)}  ${what}${todo === undefined ? "" : `  — ${todo}`}`,
    ),
  };
}

await runCommand(command);
