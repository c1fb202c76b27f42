import { sha256 } from "../../core/crypto.ts";
import type { Config } from "../../settings/config.ts";
import { dealtWithBefore, type DealtWith, type WatchedFile } from "../../queries/files/ingest.ts";
import type { Queryable } from "../../schema/database.ts";
import { ownMappings } from "./mapping.ts";

/** Between what a file is and the mapping files it was read beside. */
const beside = "~";

/** The mapping files of a client that have a name, and one text for all that they say. */
interface Own {
  versions: ReadonlyMap<string, string>;
  /** "" where there are none. */
  digest: string;
}

/**
 * Files that are read by what their header is recognised as, with the mapping files there are today as part of what they
 * are; without those that were dealt with. A stored file is read again when the mapping that it was read by has changed, one
 * that was refused when any has: it may be recognised now.
 */
export async function withoutRecognised<File extends WatchedFile>(
  database: Queryable,
  config: Pick<Config, "clients" | "ingest">,
  files: readonly File[],
): Promise<File[]> {
  const before = new Map((await dealtWithBefore(database, files)).map((known) => [placeOf(known), known]));
  const byClient = new Map<string, Promise<Own>>();
  const ownOf = (client: string) => {
    const own = byClient.get(client) ?? readOwn(config, client);
    byClient.set(client, own);
    return own;
  };
  const fresh: File[] = [];
  for (const file of files) {
    const own = await ownOf(file.client);
    const known = before.get(placeOf(file));
    if (known === undefined || isToBeRead(known, file, own))
      fresh.push({ ...file, identity: own.digest === "" ? file.identity : file.identity + beside + own.digest });
  }
  return fresh;
}

async function readOwn(config: Pick<Config, "clients" | "ingest">, client: string): Promise<Own> {
  const all = (await ownMappings(config, client)).map(({ mapping: { name, version } }) => [name, version] as const);
  // Of two with one name the first is taken, as it is for a file.
  return {
    versions: new Map(all.toReversed()),
    digest: all.length === 0 ? "" : sha256(JSON.stringify(all)).slice(0, 16),
  };
}

const placeOf = ({ client, place, path }: WatchedFile) => JSON.stringify([client, place, path]);

function isToBeRead(known: DealtWith, { identity }: WatchedFile, { versions, digest }: Own): boolean {
  const [was = "", read = ""] = known.identity.split(beside);
  if (was !== identity) return true;
  if (known.outcome !== "ingested" || known.mapping === null) return read !== digest;
  const today = versions.get(known.mapping);
  return today !== undefined && today !== known.mappingVersion;
}
