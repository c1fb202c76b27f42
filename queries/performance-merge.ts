import type { Session } from "../schema/database.ts";

/** Where checked lines go before they are merged. */
export interface Staging {
  /** Takes COPY text in whole lines, of the columns of `stagedColumns`. */
  write(block: Buffer): Promise<void>;
  /** Frees the session for other statements, such as keeping rejected lines; the next block goes on where this one stopped. */
  pause(): Promise<void>;
  /** The number of lines that are staged. */
  end(): Promise<number>;
}

export interface PerformanceTarget {
  client: string;
  /** Carried by every row that is written. */
  fileId: number;
  /** The last civil day in the client's zone: periods of the roll-ups end with it. */
  today: string;
  /** What becomes of several lines of one key: the last one wins, or they are added. */
  combine: "later" | "sum";
  /** Creatives that nobody knows are created as stubs; otherwise such a line fails the merge. */
  createStubs: boolean;
  /** Lines that had been set aside: what a newer file has written since stays. */
  redriven?: boolean;
}

/** Exact decimal texts. */
export interface Carried {
  impressions: string;
  clicks: string;
  spend: string;
}

export interface MergedFile {
  inserted: number;
  updated: number;
  unchanged: number;
  /** Lines that were added to another of the same key. */
  combined: number;
  /** Lines that a later one of the same key outweighs, and what they carried. */
  superseded: Carried & { lines: number };
  /** What inserted, updated and unchanged rows carry. */
  stored: Carried;
  /** Days on which something changed. */
  days: number;
  from: string | null;
  to: string | null;
}

/** Lines name creatives that are neither known nor to be created. */
export class UnknownCreatives extends Error {
  constructor(readonly creativeIds: string[]) {
    super(`creatives that are not known: ${creativeIds.join(", ")}`);
    this.name = "UnknownCreatives";
  }
}

/** A temporary table of the transaction, and a COPY into it. */
export async function openStaging(_session: Session): Promise<Staging> {
  return Promise.reject(new Error("lines are not staged yet"));
}

/**
 * Merges what is staged into rtb.performance_metrics, keeps ops.file_days, and brings the roll-ups up to date; all in the
 * caller's transaction, which holds the client's lock from here to its end.
 */
export async function mergeStaged(_session: Session, _target: PerformanceTarget): Promise<MergedFile> {
  return Promise.reject(new Error("files are not merged yet"));
}

/** The ids of a client's creatives, to check lines against. */
export async function readKnownCreatives(
  _session: Session,
  _client: string,
): Promise<{ has(id: string): boolean; size: number }> {
  return Promise.reject(new Error("creatives are not read yet"));
}
