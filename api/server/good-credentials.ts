import { withinMs } from "../../core/deadline.ts";

/** Credentials that are remembered; the one that was not used for longest is let go of. */
const mostKnown = 10_000;
/** Those that are looked up together; who comes when there are more is not recognised, and counts by address. */
const mostAtOnce = 1_000;
const patienceMs = 500;

export interface GoodCredentials {
  /** Whether it proved good before, or the database has it. */
  isGood: (hash: string) => Promise<boolean>;
  /** What became of it when it was looked up for a call. */
  note: (hash: string, isGood: boolean) => void;
}

/**
 * Tells good keys and cookies from made-up ones before calls are counted, so that who tries many from an address keeps
 * nobody else there from theirs. However many are tried, a process has one statement at a time looking for them: the
 * others wait and are looked up together.
 */
export function createGoodCredentials(find: (hashes: string[]) => Promise<string[]>): GoodCredentials {
  const known = new Set<string>();
  let underWay: Promise<unknown> = Promise.resolve();
  let next: { hashes: Set<string>; found: Promise<Set<string>> } | null = null;

  const gather = () => {
    const hashes = new Set<string>();
    const found = underWay.then(async () => {
      next = null;
      return new Set(await withinMs(patienceMs, find([...hashes])).catch(() => []));
    });
    underWay = found;
    return { hashes, found };
  };

  const note = (hash: string, isGood: boolean) => {
    known.delete(hash);
    if (isGood) known.add(hash);
    const [oldest] = known;
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  };

  return {
    note,
    async isGood(hash) {
      if (known.has(hash)) return true;
      next ??= gather();
      if (next.hashes.size >= mostAtOnce) return false;
      next.hashes.add(hash);
      const found = await withinMs(patienceMs, next.found).catch(() => null);
      return found?.has(hash) === true;
    },
  };
}
