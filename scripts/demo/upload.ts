import { setTimeout as wait } from "node:timers/promises";
import { CommandError, exitCodes } from "../shared/command-line.ts";
import type { Demo, Show } from "./demo.ts";

export interface DemoFile {
  name: string;
  header: string;
  lines: string[];
}

const lookEveryMs = 300;
const patienceMs = 120_000;

/** Waits for what goes on behind an answer. */
export async function until(isDone: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (const end = Date.now() + patienceMs; !(await isDone()); await wait(lookEveryMs))
    if (Date.now() > end) throw new CommandError(exitCodes.found, `${otherwise}: npm run status`);
}

/** Imports a file of the demo once: one that is there already is left alone. */
export async function upload(demo: Demo, show: Show, { name, header, lines }: DemoFile): Promise<void> {
  const { stack, client, context } = demo;
  const database = await context.database();
  const isThere = async () =>
    (await database.query("select from ops.files where _client_id = $1 and name = $2", [client, name])).rowCount !== 0;
  if (lines.length === 0 || (await isThere())) return;
  show(`${name}: ${lines.length} lines`);
  const form = new FormData();
  form.append("file", new File([`${header}\n${lines.join("\n")}\n`], name, { type: "text/csv" }));
  try {
    await stack.api("POST", "/rtb/performance/import", { body: form });
  } catch (error) {
    // A refused file is a 400, and an import like any other.
    if (!(error instanceof CommandError) || error.exitCode !== exitCodes.found || !(await isThere())) throw error;
  }
  await until(isThere, `${name} was not imported`);
  // One that was refused names no creative by which it could be told.
  await database.query(
    "update ops.files set origin = 'sandbox' where _client_id = $1 and name = $2 and outcome = 'refused'",
    [client, name],
  );
}
