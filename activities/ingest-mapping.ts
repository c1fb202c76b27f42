import type { Config } from "../core/config.ts";
import { FileProblem } from "../connectors/file-places.ts";
import { MappingError, parseMapping, shippedMappings, type FileMapping } from "../connectors/files/mapping.ts";
import { invalidInput } from "./failures.ts";
import { parseJson, readSmallFile } from "./ingest-places.ts";

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

const mostBytes = 262_144;

/** The mapping that was asked for: one of ours, one of the import folder by name, or a mapping file by its path. */
export async function mappingNamed(
  config: Pick<Config, "ingest">,
  { client, mapping }: { client: string; mapping: string | null },
): Promise<NamedMapping> {
  const wanted = mapping ?? defaultMapping;
  const shipped = shippedMappings.find(({ name }) => name === wanted);
  if (shipped !== undefined) return { mapping: shipped, reference: wanted, content: null };
  if (wanted.endsWith(".json")) return readMapping(config, wanted);
  if (/^[a-z0-9][a-z0-9-]{0,63}$/.test(wanted))
    for (const file of [`${client}/${mappingFolder}/${wanted}.json`, `${mappingFolder}/${wanted}.json`]) {
      const found = await readMapping(config, file).catch((error: unknown) => {
        if (error instanceof FileProblem && error.kind === "place") return null;
        throw error;
      });
      if (found !== null) return found;
    }
  throw invalidInput(
    `mapping: none is called "${wanted}": there are ${shippedMappings.map(({ name }) => name).join(", ")}, and those in ${client}/${mappingFolder}/ or ${mappingFolder}/ of the import folder`,
  );
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
