/** One request as the vendor saw it. Times are epoch milliseconds of a clock that never steps back. */
export interface RequestEntry {
  sequence: number;
  arrivedAtMs: number;
  /** When the last byte left or the caller hung up. */
  answeredAtMs: number | null;
  vendor: string;
  /** Whose account the call counts against: the client, or null for a key the vendor does not know. */
  account: string | null;
  keyId: string | null;
  method: string;
  path: string;
  query: Record<string, string>;
  /** null while unanswered, and for a connection that was cut before any answer. */
  status: number | null;
  /** The kinds of fault that were applied to this request. */
  faults: string[];
  /** For a 429 that says when to come back: that moment. No call of the account may arrive before it. */
  hintEndsAtMs: number | null;
}

export interface RequestLog {
  arrived(entry: Omit<RequestEntry, "sequence" | "answeredAtMs" | "status" | "hintEndsAtMs" | "faults">): RequestEntry;
  list(filter: { vendor?: string | undefined; account?: string | undefined; after?: number | undefined }): {
    entries: RequestEntry[];
    /** How many entries no longer fit and are gone. */
    dropped: number;
  };
  clear(): void;
}

export function monotonicMs(): number {
  return performance.timeOrigin + performance.now();
}

export function createRequestLog(capacity = 200_000): RequestLog {
  let sequence = 0;
  let clearedAt = 0;
  const ring: RequestEntry[] = [];
  return {
    arrived: (seen) => {
      const entry: RequestEntry = {
        sequence: sequence + 1,
        ...seen,
        answeredAtMs: null,
        status: null,
        faults: [],
        hintEndsAtMs: null,
      };
      ring[(sequence - clearedAt) % capacity] = entry;
      sequence += 1;
      return entry;
    },
    list: ({ vendor, account, after = 0 }) => {
      const kept = sequence - clearedAt;
      const oldest = kept > capacity ? kept % capacity : 0;
      const inOrder = [...ring.slice(oldest), ...ring.slice(0, oldest)];
      return {
        entries: inOrder.filter(
          (entry) =>
            entry.sequence > after &&
            (vendor === undefined || entry.vendor === vendor) &&
            (account === undefined || entry.account === account),
        ),
        dropped: Math.max(0, kept - capacity),
      };
    },
    clear: () => {
      ring.length = 0;
      clearedAt = sequence;
    },
  };
}

/** The end of a Retry-After given in seconds or as an HTTP date; null when it says nothing usable. */
export function hintEnd(retryAfter: string | undefined, answeredAtMs: number): number | null {
  if (retryAfter === undefined) return null;
  if (/^\d+$/.test(retryAfter)) return answeredAtMs + Number(retryAfter) * 1_000;
  const date = Date.parse(retryAfter);
  return /GMT$/.test(retryAfter) && date > answeredAtMs ? date : null;
}
