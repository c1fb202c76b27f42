import { readDigest } from "../../queries/overview/digest.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { digestMessage } from "../../rules/overview/digest.ts";
import type { Message } from "../../rules/ops/message.ts";
import type { Queryable } from "../../schema/database.ts";

/** A morning's digest as it stands when it is sent. */
export async function composeDigest(
  { database }: { database: Queryable },
  of: { client: string; day: string; timezone: string },
): Promise<Message> {
  return digestMessage(await readDigest(database, { ...of, now: await databaseNow(database) }));
}
