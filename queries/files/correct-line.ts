import type { Seal } from "../../core/seal.ts";
import { notOneRecord, type Dialect } from "../../rules/files/one-record.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { fileSources } from "../../rules/files/file-kinds.ts";
import { contentDeleted, fileIdOf } from "./quarantined-lines.ts";

export type Correction =
  | { outcome: "corrected"; client: string; fileId: number; line: number }
  /** There is no such entry, or it is another client's. */
  | { outcome: "absent" }
  | { outcome: "refused"; reason: string; stored: StoredCorrection | null };

/** What an entry holds already, where that is why a correction is refused. */
export interface StoredCorrection {
  state: "resolved" | "running";
  correctedAt: Date | null;
}

export interface CorrectionInput {
  client: string | undefined;
  quarantineId: number;
  line: string;
  /** When the correction was made that this one takes the place of, as it was shown; null for the first one. */
  replaces: Date | null;
  seal: Seal;
}

interface Entry {
  client: string;
  source: string;
  slice: string;
  line: number | null;
  content: string;
  corrected: string | null;
  correctedAt: Date | null;
  contentDeletedAt: Date | null;
  isOpen: boolean;
  /** A correction is kept that nobody has read yet. */
  waits: boolean;
  header: string | null;
  delimiter: string | null;
}

const longest = 65_536;

/**
 * Keeps what a rejected line should have been; reading the file's rejected lines again is what stores it. The line as it
 * came stays where it is, sealed, for as long as the entry does. Of several people at once the first is heard: another's
 * correction is not replaced before it was read, unless whoever replaces it has seen it.
 */
export async function correctLine(session: Session, of: CorrectionInput): Promise<Correction> {
  const entry = await lockEntry(session, of);
  if (entry === null) return { outcome: "absent" };
  const { correctedAt } = entry;
  const refused = (reason: string, state: StoredCorrection["state"] | null = null): Correction => ({
    outcome: "refused",
    reason,
    stored: state === null ? null : { state, correctedAt },
  });
  if (!entry.isOpen)
    return refused(
      correctedAt === null ? "it is resolved" : `it is resolved, as it was corrected at ${correctedAt.toISOString()}`,
      "resolved",
    );
  const reason = whyNot(entry, of);
  if (reason !== null) return refused(reason);
  // The same once more, from whoever had no answer, is no other correction.
  const isSame = entry.corrected !== null && of.seal.open(entry.corrected) === of.line;
  if (entry.waits && !isSame && of.replaces?.getTime() !== correctedAt?.getTime())
    return refused(
      `another person corrected it at ${correctedAt?.toISOString() ?? "this moment"}, and that correction is still to be read: look at what becomes of it`,
      "running",
    );
  if (!(entry.waits && isSame))
    await session.query(
      `update ops.quarantine set corrected_sealed = $2, corrected_at = clock_timestamp(), whole = true where quarantine_id = $1`,
      [of.quarantineId, of.seal.seal(of.line)],
    );
  return {
    outcome: "corrected",
    client: entry.client,
    fileId: fileIdOf(entry.slice),
    line: entry.line ?? 0,
  };
}

/** Whoever reads the file's lines again holds their entries, so that what it reads is what it resolves. */
async function lockEntry(
  session: Session,
  { client, quarantineId }: Pick<CorrectionInput, "client" | "quarantineId">,
): Promise<Entry | null> {
  const { rows } = await session.query<Entry>(
    `select q._client_id as client, q.source, q.slice, q.line, q.content, q.corrected_sealed as corrected, q.content_deleted_at as "contentDeletedAt",
            date_trunc('milliseconds', q.corrected_at) as "correctedAt", q.resolved_at is null as "isOpen",
            q.corrected_at is not null and q.last_seen_at < q.corrected_at as waits, h.header, h.delimiter
       from ops.quarantine q
       left join ops.file_headers h
         on q.source = any($3) and h._client_id = q._client_id and q.slice = 'file/' || h.file_id
      where q.quarantine_id = $1 and ($2::text is null or q._client_id = $2) for update of q`,
    [quarantineId, client ?? null, fileSources],
  );
  return rows[0] ?? null;
}

function whyNot(entry: Entry, { line, seal }: Pick<CorrectionInput, "line" | "seal">): string | null {
  if (!fileSources.includes(entry.source) || entry.line === null)
    return "only lines of files can be corrected: rows of a vendor are fetched again";
  if (entry.contentDeletedAt !== null)
    return `${contentDeleted(entry.contentDeletedAt)}: import the corrected line in a file of its own`;
  if (line.trim() === "") return "the corrected line is empty";
  if (line.length > longest) return `the corrected line is longer than ${longest} characters`;
  if (line.includes("\0")) return "the corrected line holds a NUL character";
  // Each line keeps its place in the file, and the place has so many lines.
  if (breaksIn(line) > breaksIn(seal.open(entry.content) ?? ""))
    return "the corrected line has more line breaks than the line that it corrects";
  const { delimiter } = entry;
  const header = entry.header === null ? null : seal.open(entry.header);
  if (header !== null && delimiter !== null) {
    const why = notOneRecord(line, { header, delimiter } satisfies Dialect);
    if (why !== null) return `the corrected line is not one line of its file: ${why}`;
  }
  if (seal.seal(line) === "") return "there is no CREDENTIALS_ENCRYPTION_KEY to seal it with";
  return null;
}

const breaksIn = (text: string) => text.match(/\r\n|\r|\n/g)?.length ?? 0;

/** What became of a corrected line; null when its file's lines have not been read again since. */
export async function readCorrected(
  database: Queryable,
  of: { client: string; quarantineId: number },
): Promise<{ isOpen: boolean; reason: string } | null> {
  const { rows } = await database.query<{ isOpen: boolean; reason: string }>(
    `select resolved_at is null as "isOpen", reason from ops.quarantine
      where _client_id = $1 and quarantine_id = $2 and (resolved_at is not null or last_seen_at >= corrected_at)`,
    [of.client, of.quarantineId],
  );
  return rows[0] ?? null;
}
