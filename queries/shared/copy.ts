import { finished } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import type { Session } from "../../schema/database.ts";

/**
 * Copies whole lines in COPY's text format. One COPY per block and not a single long one: when the reader gives up in the
 * middle, no COPY is left open that the rollback would wait for.
 */
export async function copyBlock(session: Session, table: string, block: Buffer): Promise<number> {
  const stream = session.query(copyFrom(`copy ${table} from stdin`));
  stream.end(block);
  await finished(stream);
  return stream.rowCount;
}
