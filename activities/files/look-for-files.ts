import path from "node:path";
import type { Config } from "../../settings/config.ts";
import { sha256 } from "../../core/crypto.ts";
import { uploadFolder } from "../../rules/files/uploads.ts";
import { ingestWorkflowId } from "../../rules/files/workflow-ids.ts";
import { FileProblem, listFolder, type ListedFile } from "../../connectors/files/file-places.ts";
import { shippedMappings } from "../../connectors/files/mapping.ts";
import { listS3 } from "../../connectors/files/s3-place.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { knownFiles, nameOf, workflowsInLedger, type WatchedFile } from "../../queries/files/ingest.ts";
import type { Database } from "../../schema/database.ts";
import type { FilesContext } from "./shapes.ts";
import { settingsOf, withHeartbeat, type IngestInput } from "./input.ts";
import { mappingFile, mappingFolder, versionExtended } from "./mapping.ts";
import { readUploadRecord } from "./places.ts";
import { withoutRecognised } from "./recognised-files.ts";
import { startedUnder, recordFile } from "./upload-records.ts";

/** A file that was not imported yet, and the workflow that would import it. */
export interface FoundFile extends WatchedFile {
  workflowId: string;
  input: IngestInput;
}

export interface FoundFiles {
  files: FoundFile[];
  /** How long a file has to lie still. */
  stillMs: number;
  /** Files under way at a time. */
  parallel: number;
  /** There are more than one run takes. */
  more: boolean;
}

/** More than this comes with the next run. */
const mostPerRun = 200;
/** What a sender puts beside its files is not one of them. */
const dataFile = /\.(csv|tsv|tab|txt|json|jsonl|ndjson)(\.gz)?$|\.gz$/i;

/** Files that are new or changed since they were dealt with: in the import folder, among the uploads, below each S3 prefix. */
export async function lookForFiles({ database, config, redact }: FilesContext): Promise<FoundFiles> {
  return withHeartbeat({}, redact, async (signal) => {
    const found = [
      ...(await lookThroughFolder(database, config)),
      ...(await lookThroughUploads(database, config)),
      ...(await lookThroughS3(database, config, signal)),
    ];
    const named = found.filter((file) => !isRecognised(file));
    const known = await knownFiles(database, named);
    const recognised = await withoutRecognised(database, config, found.filter(isRecognised));
    const fresh = [
      ...named.filter((file) => !known.has(nameOf(file))),
      ...recognised.map((file) => foundFile(config, file, file.input)),
    ];
    const { stillMs, slots } = config.ingest;
    return { files: fresh.slice(0, mostPerRun), stillMs, parallel: slots, more: fresh.length > mostPerRun };
  });
}

/** Nobody named a mapping for it: its header decides. */
const isRecognised = ({ place, input }: FoundFile) => place !== "upload" && input.mapping === undefined;

async function lookThroughFolder(database: Database, config: Config): Promise<FoundFile[]> {
  const { importDir } = config.ingest;
  const { files } = await listFolder(importDir);
  const mappings = new Map(
    files.filter((file) => lastOf(file.path) === mappingFile).map((file) => [folderOf(file.path), file]),
  );
  const versions = new Map<string, string>();
  /** Of the mapping that a mapping file extends: a change of it is a change of the mapping. */
  const extended = async (client: string, reference: string | undefined): Promise<string> => {
    if (reference?.endsWith(`${mappingFile}`) !== true) return "";
    const key = `${client} ${reference}`;
    const version = versions.get(key) ?? (await versionExtended(config, { client, file: reference }));
    versions.set(key, version);
    return version === "" ? "" : `:${version}`;
  };
  const found: FoundFile[] = [];
  const strange = new Set<string>();
  for (const file of files) {
    const [top = ""] = file.path.split("/");
    if (top === "uploads" || !dataFile.test(file.path) || lastOf(file.path) === mappingFile) continue;
    const owner = ownerOf(config.clients, file.path);
    if (owner.rest[0] === mappingFolder) continue;
    const mapping = mappingOf(file.path, owner.rest, mappings);
    // A folder of no known client may be a misspelt client name: whose money it is must not be guessed.
    if (!owner.named && owner.rest.length > 1 && mapping === null) {
      strange.add(top);
      continue;
    }
    found.push(
      foundFile(
        config,
        {
          client: owner.client,
          place: "import",
          path: file.path,
          identity: `${file.identity}:${mapping?.identity ?? ""}${await extended(owner.client, mapping?.reference)}`,
        },
        { path: file.path, ...(mapping === null ? {} : { mapping: mapping.reference }) },
      ),
    );
  }
  await alertAboutFolders(database, config, strange);
  return found;
}

/** The client whose folder it lies in, else the first; and the path from there. */
function ownerOf(clients: readonly string[], file: string): { client: string; named: boolean; rest: string[] } {
  const parts = file.split("/");
  const [top = ""] = parts;
  return parts.length > 1 && clients.includes(top)
    ? { client: top, named: true, rest: parts.slice(1) }
    : { client: clients[0] ?? "", named: false, rest: parts };
}

/** The nearest mapping.json on the way up; else a folder that has the name of a mapping of ours. */
function mappingOf(
  file: string,
  rest: readonly string[],
  mappings: ReadonlyMap<string, ListedFile>,
): { reference: string; identity: string } | null {
  for (let folder = folderOf(file); ; folder = folderOf(folder)) {
    const own = mappings.get(folder);
    if (own !== undefined) return { reference: own.path, identity: own.identity };
    if (folder === "") break;
  }
  const shipped = shippedMappings.find(({ name }) => rest.slice(0, -1).includes(name));
  return shipped === undefined ? null : { reference: shipped.name, identity: shipped.version };
}

async function alertAboutFolders(database: Database, config: Config, strange: ReadonlySet<string>): Promise<void> {
  const subject = { client: config.clients[0] ?? "", area: "ingest", subject: "import folder" };
  if (strange.size === 0)
    return settleAlerts(database, { ...subject, kinds: ["folder_unknown"], notes: "every folder has its client" });
  const names = [...strange].sort().slice(0, 20).join(", ");
  await raiseAlert(database, {
    ...subject,
    kind: "folder_unknown",
    severity: "warning",
    message: `the import folder has files below ${names}, which is neither a client (${config.clients.join(", ")}) nor a mapping: they are not taken. Move them, or put a ${mappingFile} there`,
    details: { folders: [...strange].slice(0, 100) },
  });
}

/** Uploads that were accepted and whose workflow was never started: whoever took them in went down in between. */
async function lookThroughUploads(database: Database, config: Config): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const client of config.clients) {
    const folder = uploadFolder(client);
    if (folder === null) continue;
    const { files } = await listFolder(path.join(config.ingest.importDir, folder));
    const records = new Map(files.map((file) => [recordFile.exec(file.path)?.[1], file]));
    const done = await workflowsInLedger(
      database,
      [...records.keys()].flatMap((importId) =>
        importId === undefined ? [] : [startedUnder(config, client, importId)],
      ),
    );
    for (const [importId, file] of records) {
      if (importId === undefined || done.has(startedUnder(config, client, importId))) continue;
      const record = await readUploadRecord(config.ingest.importDir, `${folder}/${file.path}`).catch(nullIfMissing);
      if (record === null || !files.some(({ path: name }) => name === record.file)) continue;
      const input: IngestInput = { client, place: "upload", path: `${folder}/${record.file}` };
      found.push({
        client,
        place: "upload",
        path: input.path ?? "",
        identity: file.identity,
        input,
        workflowId: startedUnder(config, client, importId),
      });
    }
  }
  return found;
}

function nullIfMissing(error: unknown): null {
  if (error instanceof FileProblem) return null;
  throw error;
}

async function lookThroughS3(database: Database, config: Config, signal: AbortSignal): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const client of config.clients) {
    const { s3 } = settingsOf(config, client);
    if (s3?.watch == null) continue;
    const { bucket, prefix } = s3.watch;
    const subject = { client, area: "ingest", subject: `s3://${bucket}/${prefix}` };
    try {
      const { files } = await listS3(s3, s3.watch, signal);
      await settleAlerts(database, { ...subject, kinds: ["s3_unreachable"], notes: "listed again" });
      for (const file of files.filter(({ path: key }) => dataFile.test(key) && lastOf(key) !== mappingFile)) {
        const url = `s3://${bucket}/${file.path}`;
        const mapping = shippedMappings.find(({ name }) => file.path.split("/").slice(0, -1).includes(name));
        found.push(
          foundFile(
            config,
            { client, place: "s3", path: url, identity: `${file.identity}:${mapping?.version ?? ""}` },
            { url, ...(mapping === undefined ? {} : { mapping: mapping.name }) },
          ),
        );
      }
    } catch (error) {
      if (signal.aborted) throw error;
      // A bucket that is away keeps no other file waiting.
      await raiseAlert(database, {
        ...subject,
        kind: "s3_unreachable",
        severity: "warning",
        message: (error instanceof Error ? error.message : "cannot be listed").slice(0, 500),
      });
    }
  }
  return found;
}

function foundFile(
  config: Pick<Config, "queuePrefix">,
  file: WatchedFile,
  where: Pick<IngestInput, "path" | "url" | "mapping">,
): FoundFile {
  // The same file, changed, is another workflow: the earlier one's history stays what it was.
  const short = sha256(nameOf(file)).slice(0, 12);
  return {
    ...file,
    workflowId: config.queuePrefix + ingestWorkflowId(file.client, short),
    input: { client: file.client, ...where },
  };
}

const lastOf = (file: string) => file.split("/").at(-1) ?? file;
const folderOf = (file: string) => file.split("/").slice(0, -1).join("/");
