import { sha256 } from "../../core/crypto.ts";

/** An answer as it was read, and what it is known by. */
export interface Kept<Value> {
  value: Value;
  etag: string;
}

const mostKept = 200;

/**
 * Answers that are remembered for a moment, so that several people looking at once ask the database once. Whoever asks
 * while an answer is being read waits for the same one; an error is not remembered.
 */
export function createBriefCache<Value>(keepMs: number, now: () => number = Date.now) {
  const kept = new Map<string, { until: number; answer: Promise<Kept<Value>> }>();
  return (key: string, read: () => Promise<Value>): Promise<Kept<Value>> => {
    const found = kept.get(key);
    if (found !== undefined && found.until > now()) return found.answer;
    const answer = read().then((value) => ({ value, etag: `"${sha256(JSON.stringify(value)).slice(0, 32)}"` }));
    // Last in the map is last read.
    kept.delete(key);
    kept.set(key, { until: now() + keepMs, answer });
    answer.catch(() => kept.delete(key));
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept) break;
      kept.delete(oldest);
    }
    return answer;
  };
}

/** Whether the caller has this answer already: `If-None-Match` lists tags, weak ones too, or a star. */
export function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  const known = (ifNoneMatch ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}
