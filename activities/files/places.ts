import { maskFileName } from "../../core/personal.ts";
import type { Config } from "../../settings/config.ts";
import { parseS3Url } from "../../settings/files.ts";
import { baseMapping } from "../../rules/files/base-mapping.ts";
import type { Constants } from "../../rules/files/constants.ts";
import { importIdOfData, uploadRecord, type UploadRecord } from "../../rules/files/uploads.ts";
import { FileProblem, openLocalFile, type OpenedFile } from "../../connectors/files/file-places.ts";
import { openS3File } from "../../connectors/files/s3-place.ts";
import { invalidInput } from "../shared/failures.ts";
import { clientNamed } from "../shared/input.ts";
import { settingsOf, type IngestInput } from "./input.ts";

/** Whose file it is, where it lies, and how it is to be taken. */
export interface FilePlace {
  client: string;
  place: "import" | "upload" | "s3";
  /** Below the import folder, or the whole s3:// address. */
  path: string;
  /** As its sender called it. */
  name: string;
  mapping: string | null;
  /** What was said beside the mapping. */
  beside: { constants: Constants; ignore: readonly string[] };
  force: boolean;
  dryRun: boolean;
  /** What was counted on upload. */
  expectedHash: string | null;
}

const uploads = "uploads";

/** Makes sense of what was typed. */
export async function placeOf(
  config: Pick<Config, "clients" | "ingest">,
  input: { [Name in keyof IngestInput]: IngestInput[Name] | undefined },
): Promise<FilePlace> {
  const { path, url } = input;
  if ((path === undefined) === (url === undefined))
    throw invalidInput(
      'give either path, a file below the import folder, or url, an s3:// address: {"path": "713/day.csv"}',
    );
  const base = baseMapping(input);
  if ("problem" in base) throw invalidInput(`extends: ${base.problem}`);
  const typed = {
    mapping: base.mapping,
    beside: { constants: input.constants ?? {}, ignore: input.ignore ?? [] },
    force: input.force === true,
    dryRun: input.dryRun === true,
  };
  const address = url ?? (path?.startsWith("s3://") === true ? path : undefined);
  if (address !== undefined) {
    if (input.place !== undefined && input.place !== "s3")
      throw invalidInput(`place: ${address} lies at s3, not ${input.place}`);
    if (parseS3Url(address) === null) throw invalidInput(`url: must be written s3://bucket/path/file.csv`);
    const client = clientNamed(config, input.client ?? config.clients[0] ?? "");
    return { ...typed, client, place: "s3", path: address, name: maskFileName(lastOf(address)), expectedHash: null };
  }
  const parts = (path ?? "").replaceAll("\\", "/").split("/");
  if (input.place === "s3") throw invalidInput("place: for a file at s3 give its url");
  const isUpload = parts[0] === uploads;
  if ((input.place === "upload") !== isUpload && input.place !== undefined)
    throw invalidInput(`place: uploads, and only they, lie below ${uploads}/`);
  const owner = isUpload ? parts[1] : config.clients.includes(parts[0] ?? "") ? parts[0] : undefined;
  const client = clientNamed(config, input.client ?? owner ?? config.clients[0] ?? "");
  if (owner !== undefined && owner !== client)
    throw invalidInput(`path: ${path} lies in the folder of client ${owner}, not of ${client}`);
  if (!isUpload)
    return {
      ...typed,
      client,
      place: "import",
      path: path ?? "",
      name: maskFileName(lastOf(path ?? "")),
      expectedHash: null,
    };
  const record = await recordOfUpload(config.ingest.importDir, path ?? "");
  if (record.client !== client) throw invalidInput(`path: ${path} was uploaded for client ${record.client}`);
  return {
    client,
    place: "upload",
    path: path ?? "",
    name: maskFileName(record.fileName.slice(0, 300)),
    mapping: base.mapping ?? record.mapping,
    beside: {
      constants: { ...record.constants, ...typed.beside.constants },
      ignore: [...new Set([...(record.ignore ?? []), ...typed.beside.ignore])],
    },
    force: typed.force || record.force,
    dryRun: typed.dryRun,
    expectedHash: record.contentHash,
  };
}

/** Opens what a place leads to. */
export function openPlace(
  config: Pick<Config, "clients" | "ingest">,
  place: FilePlace,
  signal: AbortSignal,
): Promise<OpenedFile> {
  const { importDir, maxBytes } = config.ingest;
  if (place.place !== "s3") return openLocalFile(importDir, place.path, { maxBytes });
  const { s3 } = settingsOf(config, place.client);
  const object = parseS3Url(place.path);
  if (s3 === null || object === null)
    throw invalidInput(`client ${place.client} has no s3://: set S3_ENDPOINT or S3_REGION, and keys if it needs some`);
  return openS3File(s3, object, { maxBytes, signal });
}

const mostRecordBytes = 65_536;

/** The record that a file of bytes was accepted by. Bytes that lost to others of the same key have none. */
async function recordOfUpload(importDir: string, path: string): Promise<UploadRecord> {
  const [folder, name] = [path.split("/").slice(0, -1).join("/"), lastOf(path)];
  const importId = importIdOfData(name);
  const record = importId === null ? null : await readUploadRecord(importDir, `${folder}/${importId}.json`);
  if (record?.file !== name)
    throw new FileProblem("place", `${path} has no record that says what it is: upload it again`);
  return record;
}

/** A record, by its path below the import folder; null for a file that is none. */
export async function readUploadRecord(importDir: string, path: string): Promise<UploadRecord | null> {
  const parsed = uploadRecord.safeParse(parseJson(await readSmallFile(importDir, path, mostRecordBytes)));
  return parsed.success ? parsed.data : null;
}

/** A file of settings below the import folder, opened as carefully as the data. */
export async function readSmallFile(importDir: string, path: string, mostBytes: number): Promise<string> {
  const file = await openLocalFile(importDir, path, { maxBytes: mostBytes });
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.read()) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  } finally {
    await file.close();
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "")) as unknown;
  } catch {
    return undefined;
  }
}

const lastOf = (path: string) => path.split("/").at(-1) ?? path;
