import path from "node:path";
import type { Client } from "@temporalio/client";
import type { Config } from "../../settings/config.ts";
import { temporalAddress } from "../../temporal/connection.ts";
import { plannedSchedules } from "../../temporal.config.ts";

export interface PanelContent {
  config: Config;
  client: Client;
  apiUrl: string;
  uiUrl: string | null;
  sandbox: Set<string>;
  /** AnyTrack's webhook where its secret is this machine's own; nobody's real one is printed. */
  hook: string | null;
  token: string;
  logDir: string;
}

/** What a newcomer needs to look around: addresses, a token, who is real, and what happens next. */
export async function printPanel({
  config,
  client,
  apiUrl,
  uiUrl,
  sandbox,
  hook,
  token,
  logDir,
}: PanelContent): Promise<void> {
  const { address, namespace } = temporalAddress();
  const vendors = [...config.accounts.values()].map(
    (account) =>
      `${account.name} ${sandbox.has(account.name) ? "sandbox" : account.secrets === null ? "off, no key" : "real"}`,
  );
  const lines: [string, string][] = [
    ["Temporal UI", uiUrl ?? `(server ${address}, namespace ${namespace})`],
    ["API", `${apiUrl}   docs ${apiUrl}/docs`],
    ["token", token],
    ...(hook === null ? [] : [["AnyTrack hook", hook] satisfies [string, string]]),
    ["psql", `psql "${config.databaseUrl}"`],
    ["vendors", vendors.join(", ")],
    ["files", `${path.join(config.ingest.importDir, config.clients[0] ?? "")}, or npm run ingest -- FILE`],
    ["next runs", (await nextRuns(config, client)).join(", ")],
    ["logs", logDir],
  ];
  const rule = "─".repeat(78);
  console.log(`\n  ${rule}\n${lines.map(([name, value]) => `  ${name.padEnd(13)} ${value}`).join("\n")}\n  ${rule}\n`);
}

async function nextRuns(config: Config, client: Client): Promise<string[]> {
  const runs: string[] = [];
  for (const { scheduleId } of plannedSchedules(config)) {
    const { info, state } = await client.schedule.getHandle(scheduleId).describe();
    const [next] = info.nextActionTimes;
    const when = state.paused
      ? "paused"
      : next === undefined
        ? "none"
        : next.toLocaleString("sv-SE", { timeZone: "America/New_York" }).slice(5, 16) + " ET";
    runs.push(`${scheduleId} ${when}`);
  }
  return runs;
}
