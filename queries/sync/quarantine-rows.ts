import type { Session } from "../../schema/database.ts";
import type { MergeAttempt, MergeContent, MergeTarget } from "./shapes.ts";

/** Rows that could not be attributed stay open until a later fetch of the slice no longer has them. */
export async function quarantineRows(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  attempt: MergeAttempt,
): Promise<void> {
  const texts = content.quarantined.map((row) => JSON.stringify(row.content));
  // Two equal rows are two rows: the position among equal rows is part of what identifies each.
  const seen = new Map<string, number>();
  const hashes = texts.map((text, index) => {
    const place = (seen.get(text) ?? 0) + 1;
    seen.set(text, place);
    return attempt.seal.digest(`${content.quarantined[index]?.reason}\n${place}\n${text}`);
  });
  await session.query(
    `update ops.quarantine set resolved_at = now()
      where _client_id = $1 and source = $2 and slice = $3 and resolved_at is null and content_hash <> all($4)`,
    [target.client, target.source, target.day, hashes],
  );
  if (texts.length === 0) return;
  await session.query(
    `insert into ops.quarantine (_client_id, source, slice, reason, amount, content, content_hash, run_id)
     select $1, $2, $3, reason, amount, content, hash, $4
       from unnest($5::text[], $6::numeric[], $7::text[], $8::text[]) as t(reason, amount, content, hash) order by hash
     on conflict (_client_id, source, slice, content_hash) where resolved_at is null do update set last_seen_at = now()`,
    [
      target.client,
      target.source,
      target.day,
      attempt.runId,
      content.quarantined.map((row) => row.reason),
      content.quarantined.map((row) => row.amount),
      texts.map((text) => attempt.seal.seal(text)),
      hashes,
    ],
  );
}
