import { rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Config } from "../../settings/config.ts";
import { uploadFolder, uploadRecord } from "../../rules/files/uploads.ts";
import { FileProblem, listFolder } from "../../connectors/files/file-places.ts";
import { knownFiles, workflowsInLedger } from "../../queries/files/ingest.ts";
import type { Database } from "../../schema/database.ts";
import type { FilesContext } from "./shapes.ts";
import { withHeartbeat } from "./input.ts";
import { parseJson, readSmallFile } from "./places.ts";
import { startedUnder, recordFile } from "./upload-records.ts";

/** Where `npm run ingest -- --dry-run` puts what it looks at. Hidden, so that no watch takes it. */
export const checksFolder = ".checks";
const mostRecordBytes = 65_536;
const dayMs = 86_400_000;

/** Deletes uploads that were dealt with and are older than the setting says. */
export async function sweepUploads({ database, config, redact }: FilesContext): Promise<{ deleted: number }> {
  return withHeartbeat({}, redact, async () => {
    let deleted = 0;
    for (const client of config.clients) {
      deleted += await sweepUploadsOf(database, config, client);
      await sweepChecks(path.join(config.ingest.importDir, checksFolder, client));
    }
    return { deleted };
  });
}

async function sweepUploadsOf(database: Database, config: Config, client: string): Promise<number> {
  const below = uploadFolder(client);
  if (below === null) return 0;
  const folder = path.join(config.ingest.importDir, below);
  const { files } = await listFolder(folder);
  const oldest = Date.now() - config.ingest.uploadsDays * dayMs;
  let deleted = 0;
  for (const file of files) {
    const importId = recordFile.exec(file.path)?.[1];
    if (importId === undefined) continue;
    const text = await readSmallFile(folder, file.path, mostRecordBytes).catch((error: unknown) => {
      if (error instanceof FileProblem) return "";
      throw error;
    });
    const record = uploadRecord.safeParse(parseJson(text));
    if (!record.success || Date.parse(record.data.acceptedAt) > oldest) continue;
    const workflowId = startedUnder(config, client, importId);
    const dealtWith =
      (await workflowsInLedger(database, [workflowId])).has(workflowId) ||
      (
        await knownFiles(database, [
          { client, place: "upload", path: `${below}/${record.data.file}`, identity: file.identity },
        ])
      ).size > 0;
    if (!dealtWith) continue;
    // The bytes first: a record without them is swept the next time, bytes without a record never.
    await rm(path.join(folder, record.data.file), { force: true });
    await rm(path.join(folder, `${importId}.mapping.json`), { force: true });
    await rm(path.join(folder, file.path), { force: true });
    deleted += 1;
  }
  return deleted;
}

/** Copies that a killed dry run left behind: nothing else deletes them. */
async function sweepChecks(folder: string): Promise<void> {
  for (const file of (await listFolder(folder)).files) {
    const { mtimeMs } = await stat(path.join(folder, file.path));
    if (mtimeMs < Date.now() - dayMs) await rm(path.join(folder, file.path), { force: true });
  }
}
