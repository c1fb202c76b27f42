import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseCreativesFile } from "../../connectors/files/creatives-file.ts";
import { hasCreatives } from "../../queries/rtb/find-creative.ts";
import { loadCreatives } from "../../queries/rtb/load.ts";
import type { Database } from "../../schema/database.ts";
import { projectRoot } from "../../settings/environment.ts";

/** At a first start of a database of our own: what the example of ad performance refers to, so that it can be imported at once. */
export async function loadExampleCreatives(
  database: Database,
  of: { client: string },
): Promise<Awaited<ReturnType<typeof loadCreatives>> | null> {
  const file = path.join(projectRoot(), "examples", "creatives.csv");
  if (!existsSync(file) || (await hasCreatives(database, of))) return null;
  return loadCreatives(database, { ...of, origin: "sandbox", ...parseCreativesFile(await readFile(file)) });
}
