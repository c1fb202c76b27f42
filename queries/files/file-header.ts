import { maskName } from "../../core/personal.ts";
import { sealedLike, type Seal } from "../../core/seal.ts";
import type { Database, Queryable, Session } from "../../schema/database.ts";

export interface FileHeader {
  header: string;
  delimiter: string;
  /** As it was named: a shipped mapping, or a file of the import folder. */
  mapping: string;
  /** What a mapping file said. */
  mappingContent: unknown;
}

interface OfFile {
  client: string;
  fileId: number;
}

/** A column can be named for a person, and a mapping can name the column: both are sealed, as the lines are. */
const sealHeader = (seal: Seal, header: string) => seal.seal(header) || maskName(header);
const sealContent = (seal: Seal, content: unknown) =>
  content === null ? null : JSON.stringify(seal.seal(JSON.stringify(content)) || content);

export async function keepHeader(session: Session, of: OfFile, kept: FileHeader & { seal: Seal }): Promise<void> {
  await session.query(
    "insert into ops.file_headers (file_id, _client_id, header, delimiter, mapping, mapping_content) values ($1, $2, $3, $4, $5, $6)",
    [
      of.fileId,
      of.client,
      sealHeader(kept.seal, kept.header),
      kept.delimiter,
      kept.mapping,
      sealContent(kept.seal, kept.mappingContent),
    ],
  );
}

/** Null when it was not kept, or was sealed with a key that is not there any more. */
export async function readHeader(database: Queryable, of: OfFile, seal: Seal): Promise<FileHeader | null> {
  const { rows } = await database.query<FileHeader>(
    `select header, delimiter, mapping, mapping_content as "mappingContent" from ops.file_headers where _client_id = $1 and file_id = $2`,
    [of.client, of.fileId],
  );
  const [row] = rows;
  const header = row === undefined ? null : seal.open(row.header);
  if (row === undefined || header === null) return null;
  const { mappingContent: content } = row;
  const opened = typeof content === "string" ? seal.open(content) : null;
  return { ...row, header, mappingContent: opened === null ? content : (JSON.parse(opened) as unknown) };
}

const sealedAtATime = 1_000;

/** Seals what was stored in clear before headers were sealed, or while there was no key. */
export async function sealStoredHeaders(database: Database, seal: Seal): Promise<number> {
  if (seal.seal("?") === "") return 0;
  let sealed = 0;
  for (;;) {
    const { rows } = await database.query<{ fileId: number; header: string; content: unknown }>(
      `select file_id as "fileId", header, mapping_content as content from ops.file_headers
        where header not like $1 and header <> '' order by 1 limit ${sealedAtATime}`,
      [sealedLike],
    );
    if (rows.length === 0) return sealed;
    await database.query(
      `update ops.file_headers h set header = s.header, mapping_content = s.content::jsonb
         from unnest($1::integer[], $2::text[], $3::text[]) as s(file_id, header, content) where h.file_id = s.file_id`,
      [
        rows.map(({ fileId }) => fileId),
        rows.map(({ header }) => sealHeader(seal, header)),
        rows.map(({ content }) => sealContent(seal, content)),
      ],
    );
    sealed += rows.length;
  }
}
