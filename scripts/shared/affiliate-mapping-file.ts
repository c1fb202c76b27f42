import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../../settings/environment.ts";
import { commandLineActor } from "./audit.ts";
import { parseMappingFile, type MappingFile } from "../../connectors/files/affiliate-mapping.ts";
import { mergeMapping, readMapping, type MappingMerged } from "../../queries/cost/affiliate-mapping.ts";
import type { Database } from "../../schema/database.ts";

/** The mapping that comes with the code. */
export const mappingFile = () => path.join(projectRoot(), "internal-affiliates.csv");

export type LoadedMapping = MappingMerged & Pick<MappingFile, "superseded">;

/** Reads a mapping file whole, then merges it: a file with a mistake changes nothing. */
export async function loadMapping(
  database: Database,
  load: { client: string; file: string; replace: boolean },
): Promise<LoadedMapping> {
  const { rows, superseded } = parseMappingFile(await readFile(load.file));
  const by = path.basename(load.file);
  const { client, replace } = load;
  const merged = await mergeMapping(database, { client, rows, by, replace, actor: commandLineActor() });
  return { ...merged, superseded };
}

/** At a first start: gives the first client the mapping that comes with the code. Never touches one that is there. */
export async function loadFirstMapping(database: Database, of: { client: string }): Promise<LoadedMapping | null> {
  if ((await readMapping(database, of)).length > 0 || !existsSync(mappingFile())) return null;
  return loadMapping(database, { client: of.client, file: mappingFile(), replace: false });
}
