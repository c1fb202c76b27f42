import type { Queryable } from "../../schema/database.ts";
import type { OfPartition } from "./shapes.ts";

export interface BatchReceipt extends OfPartition {
  fileId: number;
  claim: number;
  first: string;
  last: string;
  messages: number;
  repeated: number;
}

/** Which messages a receipt of ops.files is of. */
export async function recordBatch(database: Queryable, batch: BatchReceipt): Promise<void> {
  await database.query(
    `insert into ops.stream_batches (file_id, _client_id, stream, partition, claim, first_position, last_position, messages, repeated)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      batch.fileId,
      batch.client,
      batch.stream,
      batch.partition,
      batch.claim,
      batch.first,
      batch.last,
      batch.messages,
      batch.repeated,
    ],
  );
}
