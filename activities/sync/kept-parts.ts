import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { stringify } from "lossless-json";
import { parseLossless } from "../../connectors/lossless.ts";
import type { KeptParts } from "../../connectors/slices/read-slice.ts";
import { dropParts, findPart, keepPart, type PartsOf } from "../../queries/sync/slice-parts.ts";
import type { Database } from "../../schema/database.ts";

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** The parts of a slice that any attempt of this pull was answered, and when the first of them was asked for. */
export function keptParts(
  database: Database,
  of: PartsOf,
  attempt: { fetchSeq: number; fetchedAt: Date },
): KeptParts & { since: () => Date } {
  let since = attempt.fetchedAt;
  return {
    since: () => since,
    async find(part) {
      const known = await findPart(database, of, part);
      if (known === null) return undefined;
      if (known.fetchedAt < since) since = known.fetchedAt;
      return parseLossless((await unpack(known.answer)).toString("utf8"));
    },
    async keep(part, answer) {
      const packed = await pack(stringify(answer) ?? "null");
      await keepPart(database, of, { part, ...attempt, answer: packed });
    },
    async drop() {
      await dropParts(database, of);
      since = attempt.fetchedAt;
    },
  };
}
