import type { Seal } from "../../core/seal.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { performanceSource } from "./files.ts";
import { fileIdOf } from "./quarantined-lines.ts";

export type Correction =
  | { outcome: "corrected"; client: string; fileId: number; line: number }
  /** There is no such entry, or it is another client's. */
  | { outcome: "absent" }
  | { outcome: "refused"; reason: string };

const longest = 65_536;

/**
 * Keeps what a rejected line should have been; reading the file's rejected lines again is what stores it. The line as it
 * came stays where it is, sealed, for as long as the entry does.
 */
export async function correctLine(
  session: Session,
  of: { client: string | undefined; quarantineId: number; line: string; seal: Seal },
): Promise<Correction> {
  const { rows } = await session.query<{
    client: string;
    source: string;
    slice: string;
    line: number | null;
    content: string;
    isOpen: boolean;
  }>(
    `select _client_id as client, source, slice, line, content, resolved_at is null as "isOpen" from ops.quarantine
      where quarantine_id = $1 and ($2::text is null or _client_id = $2) for update`,
    [of.quarantineId, of.client ?? null],
  );
  const [entry] = rows;
  if (entry === undefined) return { outcome: "absent" };
  const reason = whyNot(entry, of);
  if (reason !== null) return { outcome: "refused", reason };
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

function whyNot(
  entry: { source: string; line: number | null; content: string; isOpen: boolean },
  { line, seal }: { line: string; seal: Seal },
): string | null {
  if (entry.source !== performanceSource || entry.line === null)
    return "only lines of files can be corrected: rows of a vendor are fetched again";
  if (!entry.isOpen) return "it is resolved";
  if (line.trim() === "") return "the corrected line is empty";
  if (line.length > longest) return `the corrected line is longer than ${longest} characters`;
  if (line.includes("\0")) return "the corrected line holds a NUL character";
  // Each line keeps its place in the file, and the place has so many lines.
  if (breaksIn(line) > breaksIn(seal.open(entry.content) ?? ""))
    return "the corrected line has more line breaks than the line that it corrects";
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
