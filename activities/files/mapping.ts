import type { Config } from "../../settings/config.ts";
import { FileProblem } from "../../connectors/files/file-places.ts";
import {
  findMapping,
  MappingError,
  parseMapping,
  shippedMappings,
  type FileMapping,
} from "../../connectors/files/mapping.ts";
import { invalidInput } from "../shared/failures.ts";
import { parseJson, readSmallFile } from "./places.ts";

/** How a file's headers are understood, and where that is written. */
export interface NamedMapping {
  mapping: FileMapping;
  /** The name of one that comes with the code, or a mapping file below the import folder. */
  reference: string;
  /** What the mapping file says; null for one that comes with the code. */
  content: unknown;
}

/** The document's own format. */
export const defaultMapping = "document";
/** Mapping files by name: in the client's folder first, then in the one for all. */
export const mappingFolder = "mappings";

/** Holds for the files beside and below it. */
export const mappingFile = "mapping.json";

const mostBytes = 262_144;

/**
 * The mapping that was asked for: one of ours, one of the import folder by name, or a mapping file by its path. Without
 * one, what the folders that the file lies in say.
 */
export async function mappingNamed(
  config: Pick<Config, "ingest">,
  { client, mapping, folders }: { client: string; mapping: string | null; folders?: readonly string[] },
): Promise<NamedMapping> {
  if (mapping === null) return (await mappingOfFolders(config, folders ?? [])) ?? shippedMapping(defaultMapping);
  if (shippedMappings.some(({ name }) => name === mapping)) return shippedMapping(mapping);
  if (mapping.endsWith(".json")) return readMapping(config, mapping);
  if (/^[a-z0-9][a-z0-9-]{0,63}$/.test(mapping))
    for (const file of [`${client}/${mappingFolder}/${mapping}.json`, `${mappingFolder}/${mapping}.json`]) {
      const found = await readIfThere(config, file);
      if (found !== null) return found;
    }
  throw invalidInput(
    `mapping: none is called "${mapping}": there are ${shippedMappings.map(({ name }) => name).join(", ")}, and those in ${client}/${mappingFolder}/ or ${mappingFolder}/ of the import folder`,
  );
}

/** The nearest mapping.json on the way up, else a folder with the name of a mapping of ours: as the watch has it. */
async function mappingOfFolders(
  config: Pick<Config, "ingest">,
  folders: readonly string[],
): Promise<NamedMapping | null> {
  for (let depth = folders.length; depth >= 0; depth -= 1) {
    const found = await readIfThere(config, [...folders.slice(0, depth), mappingFile].join("/"));
    if (found !== null) return found;
  }
  const named = shippedMappings.find(({ name }) => folders.includes(name));
  return named === undefined ? null : shippedMapping(named.name);
}

function shippedMapping(name: string): NamedMapping {
  return { mapping: findMapping(name), reference: name, content: null };
}

async function readIfThere(config: Pick<Config, "ingest">, file: string): Promise<NamedMapping | null> {
  return readMapping(config, file).catch((error: unknown) => {
    if (error instanceof FileProblem && error.kind === "place") return null;
    throw error;
  });
}

/** A mapping file below the import folder; what is wrong with it is said all at once. */
export async function readMapping({ ingest }: Pick<Config, "ingest">, file: string): Promise<NamedMapping> {
  const content = parseJson(await readSmallFile(ingest.importDir, file, mostBytes));
  if (content === undefined) throw invalidInput(`mapping: ${file} is not JSON`);
  return { mapping: checkedMapping(file, content), reference: file, content };
}

export function checkedMapping(file: string, content: unknown): FileMapping {
  try {
    return parseMapping(content);
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    throw invalidInput(`mapping: ${file}: ${error.problems.slice(0, 20).join("; ")}`);
  }
}
