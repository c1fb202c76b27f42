import path from "node:path";
import { ApplicationFailure } from "@temporalio/activity";
import type { Config } from "../../settings/config.ts";
import { describeIssues } from "../../core/typed.ts";
import { FileProblem, listFolder, unpacked, type OpenedFile } from "../../connectors/files/file-places.ts";
import {
  extendMapping,
  extensionSchema,
  findMapping,
  MappingError,
  parseMapping,
  shippedMappings,
  type FileMapping,
  type MappingExtension,
} from "../../connectors/files/mapping.ts";
import { FileRefused, recogniseFile } from "../../connectors/files/performance-file.ts";
import { fieldsOf, type FileField } from "../../rules/files/file-kinds.ts";
import { spendReports } from "../../settings/files.ts";
import { invalidInput } from "../shared/failures.ts";
import { settingsOf } from "./input.ts";
import { parseJson, readSmallFile, type FilePlace } from "./places.ts";

/** How a file's headers are understood, and where that is written. */
export interface NamedMapping {
  mapping: FileMapping;
  /** The name of one that comes with the code, or a mapping file below the import folder. */
  reference: string;
  /** What the mapping file says; null for one that comes with the code. */
  content: unknown;
  /** Other reports of the same sender, with the same said beside: the header decides which of them a file is. */
  family?: readonly NamedMapping[];
}

/** The document's own format. */
export const defaultMapping = "document";
/** Mapping files by name: in the client's folder first, then in the one for all. */
export const mappingFolder = "mappings";

/** Holds for the files beside and below it. */
export const mappingFile = "mapping.json";

const mostBytes = 262_144;

/** The mapping that the request or the file's folder names; null when neither does. */
export async function mappingGivenFor(
  config: Pick<Config, "clients" | "ingest">,
  place: FilePlace,
): Promise<NamedMapping | null> {
  const { client, mapping } = place;
  const folders = place.place === "import" ? place.path.split("/").slice(0, -1) : [];
  const given =
    mapping === null
      ? await mappingOfFolders(config, client, folders)
      : await mappingNamed(config, { client, mapping });
  return given === null ? null : saidBeside(given, place);
}

/**
 * How an opened file is read: by the mapping that was named, or by that of its sender's reports which its header is; where
 * none was named, as it is recognised.
 */
export async function mappingOpened(
  config: Pick<Config, "clients" | "ingest">,
  of: { given: NamedMapping | null; place: FilePlace; opened: OpenedFile; signal: AbortSignal },
): Promise<NamedMapping> {
  const { given, place, opened, signal } = of;
  if (given === null) return mappingRecognised(config, place, opened, signal);
  const { family = [] } = given;
  if (family.length === 0) return given;
  const candidates = byAuthority(config, place, [given, ...family]);
  return (await recognisedAmong(config, candidates, opened, signal)) ?? given;
}

/**
 * A report whose spend does not count is read as the report that it is, also where it has all that ad performance needs:
 * the spend of two reports is one spend, and is never added.
 */
function byAuthority(
  config: Pick<Config, "clients" | "ingest">,
  { client }: FilePlace,
  candidates: NamedMapping[],
): NamedMapping[] {
  const { spendReport } = settingsOf(config, client);
  const isOther = ({ mapping: { family, kind } }: NamedMapping) =>
    family !== undefined && spendReports.some((report) => report === kind && report !== spendReport);
  return [...candidates.filter(isOther), ...candidates.filter((one) => !isOther(one))];
}

async function recognisedAmong(
  config: Pick<Config, "clients" | "ingest">,
  candidates: readonly NamedMapping[],
  opened: OpenedFile,
  signal: AbortSignal,
): Promise<NamedMapping | null> {
  const bytes = unpacked(opened.name, opened.read(signal), { maxBytes: config.ingest.maxBytes });
  const mappings = candidates.map(({ mapping }) => mapping);
  const found = await recogniseFile(bytes, mappings, signal).catch(nullIfUnreadable);
  return candidates.find(({ mapping }) => mapping === found) ?? null;
}

/**
 * The mapping that a file's header is recognised as; the document's where it is none that we know. Of several that a
 * header is whole in, one that comes with the code is first, then the client's own by name, then those for all.
 */
async function mappingRecognised(
  config: Pick<Config, "clients" | "ingest">,
  place: FilePlace,
  opened: OpenedFile,
  signal: AbortSignal,
): Promise<NamedMapping> {
  const candidates = [
    ...shippedMappings.map(({ name }) => saidBeside(shippedMapping(name), place)),
    ...(await ownMappings(config, place.client)).flatMap((own) => besideOrNone(own, place)),
  ];
  const found = await recognisedAmong(config, byAuthority(config, place, candidates), opened, signal);
  return found ?? saidBeside(shippedMapping(defaultMapping), place);
}

/** More mapping files than this are not tried on each file. */
const mostOwn = 100;

/** The mapping files of the import folder that have a name. One that is broken keeps no file of another format waiting. */
export async function ownMappings(config: Pick<Config, "clients" | "ingest">, client: string): Promise<NamedMapping[]> {
  const own: NamedMapping[] = [];
  for (const folder of [`${client}/${mappingFolder}`, mappingFolder]) {
    const { files } = await listFolder(path.join(config.ingest.importDir, folder));
    for (const { path: name } of files.filter((file) => /^[^/]+\.json$/.test(file.path)).slice(0, mostOwn)) {
      const found = await readIfThere(config, { client, file: `${folder}/${name}`, extendedBy: [] }).catch(nullIfWrong);
      if (found !== null) own.push(found);
    }
  }
  return own;
}

/** None where the mapping cannot have what was said beside the file: then it is not this file's. */
function besideOrNone(own: NamedMapping, place: FilePlace): NamedMapping[] {
  try {
    return [saidBeside(own, place)];
  } catch (error) {
    nullIfWrong(error);
    return [];
  }
}

function nullIfWrong(error: unknown): null {
  if (error instanceof ApplicationFailure && error.type === "InvalidInput") return null;
  if (error instanceof FileProblem) return null;
  throw error;
}

/** A file whose header cannot be read cannot be imported: the import reports it, where it is recorded. */
function nullIfUnreadable(error: unknown): null {
  if (error instanceof FileRefused || (error instanceof FileProblem && error.kind === "content")) return null;
  throw error;
}

function saidBeside(named: NamedMapping, place: FilePlace): NamedMapping {
  const { constants, ignore } = place.beside;
  if (Object.keys(constants).length === 0 && ignore.length === 0) return named;
  const mapping = checked(() => extendMapping(named.mapping, { constants, ignore: [...ignore] }), "");
  // Of no name that it could be found by again: rejected lines are read by what it says here.
  const family = (named.family ?? []).map((one) => saidBeside(one, place));
  return { mapping, reference: `${named.reference}, extended`, content: contentOf(mapping), family };
}

/** The mapping that was asked for: one of ours, one of the import folder by name, or a mapping file by its path. */
export async function mappingNamed(
  config: Pick<Config, "clients" | "ingest">,
  { client, mapping, extendedBy = [] }: { client: string; mapping: string; extendedBy?: readonly string[] },
): Promise<NamedMapping> {
  if (shippedMappings.some(({ name }) => name === mapping)) return shippedMapping(mapping);
  if (mapping.endsWith(".json")) return readMapping(config, { client, file: mapping, extendedBy });
  if (/^[a-z0-9][a-z0-9-]{0,63}$/.test(mapping))
    for (const file of [`${client}/${mappingFolder}/${mapping}.json`, `${mappingFolder}/${mapping}.json`]) {
      const found = await readIfThere(config, { client, file, extendedBy });
      if (found !== null) return found;
    }
  throw invalidInput(
    `mapping: none is called "${mapping}": there are ${shippedMappings.map(({ name }) => name).join(", ")}, and those in ${client}/${mappingFolder}/ or ${mappingFolder}/ of the import folder`,
  );
}

/** The nearest mapping.json on the way up, else a folder with the name of a mapping of ours: as the watch has it. */
async function mappingOfFolders(
  config: Pick<Config, "clients" | "ingest">,
  client: string,
  folders: readonly string[],
): Promise<NamedMapping | null> {
  for (let depth = folders.length; depth >= 0; depth -= 1) {
    const file = [...folders.slice(0, depth), mappingFile].join("/");
    const found = await readIfThere(config, { client, file, extendedBy: [] });
    if (found !== null) return found;
  }
  const named = shippedMappings.find(({ name }) => folders.includes(name));
  return named === undefined ? null : shippedMapping(named.name);
}

function shippedMapping(name: string): NamedMapping {
  const family = shippedMappings
    .filter((one) => one.family === name)
    .map((mapping): NamedMapping => ({ mapping, reference: mapping.name, content: null }));
  return { mapping: findMapping(name), reference: name, content: null, family };
}

interface MappingFile {
  client: string;
  /** Below the import folder. */
  file: string;
  /** The files that led to it by their "extends". */
  extendedBy: readonly string[];
}

async function readIfThere(config: Pick<Config, "clients" | "ingest">, of: MappingFile): Promise<NamedMapping | null> {
  const content = await readSmallFile(config.ingest.importDir, of.file, mostBytes).catch((error: unknown) => {
    if (error instanceof FileProblem && error.kind === "place") return null;
    throw error;
  });
  return content === null ? null : builtMapping(config, of, content);
}

/**
 * What a mapping file is besides its own bytes: the version of what it extends to, "" where it extends nothing. One that
 * cannot be read has none: the import reports it.
 */
export async function versionExtended(
  config: Pick<Config, "clients" | "ingest">,
  { client, file }: Pick<MappingFile, "client" | "file">,
): Promise<string> {
  try {
    const content = parseJson(await readSmallFile(config.ingest.importDir, file, mostBytes));
    if ((content as { extends?: unknown } | null | undefined)?.extends === undefined) return "";
    return (await readMapping(config, { client, file, extendedBy: [] })).mapping.version;
  } catch (error) {
    if (nullIfWrong(error) === null) return "";
    throw error;
  }
}

/** A mapping file below the import folder; what is wrong with it is said all at once. */
async function readMapping(config: Pick<Config, "clients" | "ingest">, of: MappingFile): Promise<NamedMapping> {
  return builtMapping(config, of, await readSmallFile(config.ingest.importDir, of.file, mostBytes));
}

async function builtMapping(
  config: Pick<Config, "clients" | "ingest">,
  { client, file, extendedBy }: MappingFile,
  text: string,
): Promise<NamedMapping> {
  const content = parseJson(text);
  if (content === undefined) throw invalidInput(`mapping: ${file} is not JSON`);
  const base = (content as { extends?: unknown } | null)?.extends;
  if (base === undefined) return { mapping: checkedMapping(file, content), reference: file, content };
  if (typeof base !== "string") throw invalidInput(`mapping: ${file}: extends: must be the name of a mapping`);
  if (extendedBy.includes(file))
    throw invalidInput(`mapping: ${file} extends itself, by way of ${extendedBy.join(", ")}`);
  const { extends: _base, ...said } = content as Record<string, unknown>;
  const { mapping: extended, family: reports = [] } = await mappingNamed(config, {
    client,
    mapping: base,
    extendedBy: [...extendedBy, file],
  });
  const mapping = checked(() => extendMapping(extended, checkedExtension(said)), `${file}: `);
  const family = reports.flatMap((one) => extendedReport(one, said, file));
  return { mapping, reference: file, content: contentOf(mapping), family };
}

/** What is said of a sender, for another of its reports: fields that this one does not have are left out. */
function extendedReport(report: NamedMapping, said: Record<string, unknown>, file: string): NamedMapping[] {
  const { columns, constants, name: _name, title: _title, ...others } = checkedExtension(said);
  const known = fieldsOf(report.mapping.kind);
  const ofReport = <Value>(values: Partial<Record<FileField, Value>> | undefined) =>
    Object.fromEntries(Object.entries(values ?? {}).filter(([field]) => known.includes(field as FileField)));
  const mapping = extendMapping(report.mapping, {
    ...others,
    columns: ofReport(columns),
    constants: ofReport(constants),
  });
  return [{ mapping, reference: `${file}, as ${mapping.name}`, content: contentOf(mapping) }];
}

/** As it was written: what is not said must not become what a mapping says by default. */
function checkedExtension(said: Record<string, unknown>): MappingExtension {
  const read = extensionSchema.safeParse(said);
  if (read.success) return said;
  throw new MappingError(describeIssues(read.error, "mapping"));
}

/** What a mapping says, all of it, as a mapping file would. */
function contentOf({ version: _version, ...said }: FileMapping): unknown {
  return said;
}

export function checkedMapping(file: string, content: unknown): FileMapping {
  return checked(() => parseMapping(content), `${file}: `);
}

function checked(make: () => FileMapping, where: string): FileMapping {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    throw invalidInput(`mapping: ${where}${error.problems.slice(0, 20).join("; ")}`);
  }
}
