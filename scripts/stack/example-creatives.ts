import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../../settings/environment.ts";
import { mergeCreatives, type GivenCreative, type Merged } from "../../queries/rtb/creatives.ts";
import { readKnownCreatives } from "../../queries/files/check-creatives.ts";
import type { Database } from "../../schema/database.ts";

/** A small file of ad performance, and the creatives it is about. */
export const exampleFile = "examples/performance.csv";
const creativesFile = () => path.join(projectRoot(), "examples", "creatives.json");

/** At a first start of a database of our own: the creatives of the example, so that its file can be taken at once. */
export async function loadExampleCreatives(database: Database, of: { client: string }): Promise<Merged | null> {
  if (!existsSync(creativesFile()) || (await readKnownCreatives(database, of.client)).size > 0) return null;
  const rows = JSON.parse(await readFile(creativesFile(), "utf8")) as GivenCreative[];
  return mergeCreatives(database, { client: of.client, rows });
}
