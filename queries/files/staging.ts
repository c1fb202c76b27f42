import type { Session } from "../../schema/database.ts";
import { copyBlock } from "../shared/copy.ts";

/** A creative as staged lines name it by a number. */
export interface StagedCreative {
  number: number;
  /** Null: not said. */
  buyerId: string | null;
  creativeId: string;
}

/** Where checked lines go before they are merged. */
export interface Staging {
  /** Takes COPY text in whole lines, of the columns of `stagedColumns`. */
  write(block: Buffer): Promise<void>;
  /** Takes what numbers of creatives in the lines mean. */
  name(creatives: readonly StagedCreative[]): Promise<void>;
  /** Frees the session for other statements, such as keeping rejected lines; the next block goes on where this one stopped. */
  pause(): Promise<void>;
  /** The number of lines that are staged. */
  end(): Promise<number>;
}

/** Lines as they are staged, in the order of the reader's columns. */
export const stagedTable = `(line bigint, creative int, date date, hour smallint, geography text collate "C", device_type text collate "C",
  placement text collate "C", impressions bigint, clicks bigint, spend numeric(18,6)) on commit drop`;
const copyBytes = 1_048_576;
const namedAtOnce = 50_000;

/** A temporary table of the transaction, for lines on their way into it. */
export async function openStaging(session: Session, table = stagedTable): Promise<Staging> {
  await session.query(`create temp table staged ${table}`);
  await session.query(
    "create temp table named (number int, buyer_id text, creative_id text, id bigint) on commit drop",
  );
  let names: StagedCreative[] = [];
  let waiting: Buffer[] = [];
  let bytes = 0;
  let lines = 0;
  let underWay: Promise<void> = Promise.resolve();

  /** Returns while Postgres is still at the block: the next one is read meanwhile. */
  const send = async () => {
    const block = Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
    await underWay;
    underWay = copyBlock(session, "pg_temp.staged", block).then((copied) => void (lines += copied));
    // The next write, pause or end throws it.
    underWay.catch(() => undefined);
  };
  const pause = async () => {
    if (bytes > 0) await send();
    await underWay;
  };
  const sendNames = async () => {
    await pause();
    await session.query(
      "insert into pg_temp.named (number, buyer_id, creative_id) select * from unnest($1::int[], $2::text[], $3::text[])",
      [
        names.map(({ number }) => number),
        names.map(({ buyerId }) => buyerId),
        names.map(({ creativeId }) => creativeId),
      ],
    );
    names = [];
  };
  return {
    async write(block) {
      // A copy, because the reader may use its buffer again.
      waiting.push(Buffer.from(block));
      bytes += block.length;
      if (bytes >= copyBytes) await send();
    },
    async name(creatives) {
      for (const creative of creatives) names.push(creative);
      if (names.length >= namedAtOnce) await sendNames();
    },
    pause,
    async end() {
      await sendNames();
      return lines;
    },
  };
}
