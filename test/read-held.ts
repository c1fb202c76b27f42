import { readSlice, type ReadOptions, type SliceAnswer } from "../connectors/slices/read-slice.ts";
import type { Row } from "../connectors/slices/slice-rows.ts";

export type HeldAnswer = Omit<SliceAnswer, "rows"> & { rows: Row[] };

/** Reads a slice with all its rows in memory, to look at them. */
export async function readHeld(options: ReadOptions): Promise<HeldAnswer> {
  const answer = await readSlice({ ...options, mostHeld: Infinity });
  if (!Array.isArray(answer.rows)) throw new Error(`${answer.rows.length} rows went to a file`);
  return { ...answer, rows: answer.rows };
}
