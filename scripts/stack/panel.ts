import path from "node:path";
import type { Client } from "@temporalio/client";
import type { Config } from "../../settings/config.ts";
import { temporalAddress } from "../../temporal/address.ts";
import { typedHere } from "../../settings/typed-here.ts";
import { plannedSchedules } from "../../temporal.config.ts";
import { accountOrigin } from "../shared/account-origin.ts";
import { databasePlace } from "../shared/command-line.ts";
import { instant } from "../shared/printing.ts";

export interface PanelContent {
  config: Config;
  client: Client;
  apiUrl: string;
  uiUrl: string | null;
  /** AnyTrack's webhook where its secret was made on this machine; a real secret is never printed. */
  hook: string | null;
  /** A login that only reads; null where the database is the user's own. */
  readerUrl: string | null;
  token: string;
  /** Logs in to the pages once. */
  loginUrl: string;
  logDir: string;
}

const titleWidth = 15;
export const lineWidth = 100;

/** What a newcomer needs to look around: addresses, a token, who is real, and what happens next. */
export async function printPanel(content: PanelContent): Promise<void> {
  const { config, client, apiUrl, uiUrl, hook, readerUrl, token, loginUrl, logDir } = content;
  const { address, namespace } = temporalAddress();
  const vendors = [...config.accounts.values()].map((account) => `${account.name} ${accountOrigin(account)}`);
  const importFolder = path.join(config.ingest.importDir, config.clients[0] ?? "");
  const lines: [string, string[]][] = [
    ["open", [loginUrl, "works once, for ten minutes; `npm run login` prints another"]],
    ["Temporal UI", [uiUrl ?? `(server ${address}, namespace ${namespace})`]],
    ["API", [apiUrl, `docs ${apiUrl}/docs`]],
    ["token", [token]],
    ...(hook === null ? [] : [["AnyTrack hook", [hook]] satisfies [string, string[]]]),
    ["database", [readerUrl === null ? databasePlace(config.databaseUrl) : `psql "${readerUrl}"`]],
    ["vendors", fold(vendors)],
    ["files", [path.relative(process.cwd(), importFolder) || importFolder, "or npm run ingest -- FILE"]],
    ["next runs", fold(await nextRuns(config, client))],
    ["logs", [logDir]],
  ];
  const rule = "─".repeat(78);
  const indent = `\n  ${" ".repeat(titleWidth)}`;
  const text = lines.map(([name, values]) => `  ${name.padEnd(titleWidth)}${values.join(indent)}`);
  console.log(typedHere(`\n  ${rule}\n${text.join("\n")}\n  ${rule}\n`));
}

/** Items side by side, as many as a line holds with the comma that ends it. */
export function fold(items: readonly string[]): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + item.length + 3 <= lineWidth) lines[lines.length - 1] = `${last}, ${item}`;
    else lines.push(item);
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line},` : line));
}

async function nextRuns(config: Config, client: Client): Promise<string[]> {
  const runs: string[] = [];
  for (const { scheduleId } of plannedSchedules(config)) {
    const { info, state } = await client.schedule.getHandle(scheduleId).describe();
    const [next] = info.nextActionTimes;
    const when = state.paused ? "paused" : next === undefined ? "none" : instant(next).replace(/^\d{4}-|:00(?= )/g, "");
    runs.push(`${scheduleId} ${when}`);
  }
  return runs;
}
