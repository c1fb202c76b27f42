import { Unavailable } from "../server/errors.ts";

const mostKeys = 500;
const mostTries = 3;

/**
 * Remembers what was computed of a version of the sums. Every import and refresh changes the version with the records; it is
 * read in the statement that reads the sums, so what is remembered is true for as long as its version is. The latest used stay.
 */
export interface VersionedMemory<Value> {
  /** What is remembered of this version; undefined of any other. */
  get(key: string, version: string | null): Value | undefined;
  /** What is remembered, with its version: to be compared with what is read next. */
  peek(key: string): { version: string | null; value: Value } | undefined;
  put(key: string, version: string | null, value: Value): void;
}

export function createVersionedMemory<Value>(): VersionedMemory<Value> {
  const kept = new Map<string, { version: string | null; value: Value }>();
  return {
    get(key, version) {
      const found = kept.get(key);
      return found?.version === version ? found.value : undefined;
    },
    peek: (key) => kept.get(key),
    put(key, version, value) {
      kept.delete(key);
      kept.set(key, { version, value });
      for (const oldest of kept.keys()) {
        if (kept.size <= mostKeys) break;
        kept.delete(oldest);
      }
    },
  };
}

/** An import that commits between two statements makes them tell of two versions: then both are asked again. */
export async function untilOneVersion<Result>(read: () => Promise<Result | undefined>): Promise<Result> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const result = await read();
    if (result !== undefined) return result;
  }
  throw new Unavailable("files are being merged one after the other; try again soon");
}
