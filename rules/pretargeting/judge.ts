import { differences, sameLeaf, type Leaf, type Leaves } from "./leaves.ts";
import { cap, desiredAt, ownPaths, type Change, type Stage } from "./stages.ts";

/** A configuration as it is there now. */
export interface Live {
  configId: string;
  displayName: string;
  isActive: boolean;
  content: Leaves;
}

export type Which = "original" | "clone";

/** Of a write what it changes of one part; null is unset. */
export interface PathChange {
  path: string;
  before: Leaf | null;
  after: Leaf | null;
}

export type WriteKind = "patch" | "add" | "remove" | "create" | "delete";

/** A request that is sent, or was. */
export interface PlannedWrite {
  which: Which;
  kind: WriteKind;
  changes: readonly PathChange[];
}

/** As the journal has it. `sent` means that it is not known whether it arrived. */
export interface JournaledWrite extends PlannedWrite {
  writeId: number;
  state: "sent" | "arrived" | "refused";
  /** In which order it became known that writes arrived; null while it is not. */
  settledNo: number | null;
}

/** What another person did. Null is unset; of a whole configuration the path is empty. */
export interface Foreign {
  which: Which;
  path: string;
  expected: Leaf | null;
  found: Leaf | null;
}

/** What another person was seen to have changed while the plan was under way. It is theirs from then on. */
export interface Theirs extends Foreign {
  /** A request of ours arrived after it was seen, and this is what it made of it. */
  lost?: { to: Leaf | null };
}

export interface Judged {
  foreign: Foreign[];
  /** Of what was seen to be another person's, what a late request of ours has taken away since. */
  lost: Required<Theirs>[];
  /** Writes without an answer that turn out to have arrived. */
  seen: number[];
  /** What to send next, so that the stage is reached; what is foreign is left alone. Null when nothing is left. */
  next: PlannedWrite | null;
  cloneId: string | null;
}

interface Known {
  change: Change;
  original: { configId: string; displayName: string; isActive: boolean };
  /** The clone's id, once it is known. */
  cloneId: string | null;
  writes: readonly JournaledWrite[];
  theirs: readonly Theirs[];
  live: readonly Live[];
}

/**
 * Compares what is there with what we know that we wrote, and says what comes next. Where an answer got lost both the old
 * and the new value may be ours; any other value is another person's, and so is any part that the change does not touch. A
 * part that was another person's once is not written again, whatever stands there by now.
 */
export function judge(known: Known, stage: Stage): Judged {
  const original = judgeOriginal(known, stage);
  const clone = judgeClone(known, stage);
  return {
    foreign: [...original.foreign, ...clone.foreign],
    lost: [...lostOf(known, "original", original.live), ...lostOf(known, "clone", clone.live)],
    seen: seenWrites(known, clone.live),
    next: original.next ?? clone.next,
    cloneId: clone.live?.configId ?? null,
  };
}

const wholly = (which: Which, expected: string, found: string): Foreign => ({ which, path: "", expected, found });

interface JudgedOne extends Pick<Judged, "foreign" | "next"> {
  live: Live | null;
}

function judgeOriginal({ change, original, writes, theirs, live }: Known, stage: Stage): JudgedOne {
  const found = live.find(({ configId }) => configId === original.configId);
  if (found === undefined) return { foreign: [wholly("original", "there", "gone")], next: null, live: null };
  const own = ownPaths(change);
  const mine = writes.filter(({ which }) => which === "original");
  const foreign: Foreign[] = [];
  if (found.displayName !== original.displayName)
    foreign.push({
      which: "original",
      path: "displayName",
      expected: original.displayName,
      found: found.displayName,
    });
  if (found.isActive !== original.isActive)
    foreign.push({
      which: "original",
      path: "state",
      expected: stateText(original.isActive),
      found: stateText(found.isActive),
    });
  for (const path of pathsOf(change.snapshot, change.target, found.content, own)) {
    const possible = own.has(path) ? possibleOf(mine, path, change.snapshot[path]) : [change.snapshot[path]];
    if (!possible.some((leaf) => sameLeaf(leaf, found.content[path])))
      foreign.push({
        which: "original",
        path,
        expected: possible[0] ?? null,
        found: found.content[path] ?? null,
      });
  }
  const untouchable = new Set(
    [...foreign, ...theirs.filter(({ which }) => which === "original")].map(({ path }) => path),
  );
  const wanted = desiredAt(change, stage).original;
  const changes = differences(found.content, wanted).filter(({ path }) => own.has(path) && !untouchable.has(path));
  return { foreign, next: changes.length === 0 ? null : firstOf(changes, found.content), live: found };
}

/** What was sent before it was seen whose it is, and arrived after that. */
function lostOf({ writes, theirs }: Known, which: Which, live: Live | null): Required<Theirs>[] {
  const unclear = writes.filter((write) => write.which === which && write.state === "sent");
  return theirs.flatMap((one) => {
    if (one.which !== which) return [];
    if (live === null) {
      const isOurs =
        one.lost === undefined &&
        which === "clone" &&
        one.found !== "gone" &&
        unclear.some(({ kind }) => kind === "delete");
      return isOurs ? [{ ...one, lost: { to: "deleted" } }] : [];
    }
    const now = live.content[one.path];
    const isOurs = unclear.some(({ changes }) =>
      changes.some(({ path, after }) => path === one.path && sameLeaf(after ?? undefined, now)),
    );
    const known = one.lost === undefined ? one.found : one.lost.to;
    return isOurs && !sameLeaf(now, known ?? undefined) ? [{ ...one, lost: { to: now ?? null } }] : [];
  });
}

const stateText = (isActive: boolean) => (isActive ? "ACTIVE" : "SUSPENDED");

const pathsOf = (...contents: (Leaves | ReadonlySet<string>)[]): string[] =>
  [...new Set(contents.flatMap((one) => (one instanceof Set ? [...one] : Object.keys(one))))].sort();

/** The value that was last known to have arrived, first; then all that may still arrive. */
function possibleOf(writes: readonly JournaledWrite[], path: string, first: Leaf | undefined): (Leaf | undefined)[] {
  const of = (state: JournaledWrite["state"]) =>
    writes.flatMap((write) =>
      write.state === state
        ? write.changes.filter((one) => one.path === path).map(({ after }) => ({ after, no: write.settledNo ?? 0 }))
        : [],
    );
  const last = of("arrived").sort((one, other) => other.no - one.no)[0];
  return [last === undefined ? first : (last.after ?? undefined), ...of("sent").map(({ after }) => after ?? undefined)];
}

/** Members of the exchange's long lists are added and removed singly; all else goes in one patch. */
function firstOf(changes: readonly PathChange[], found: Leaves): PlannedWrite {
  for (const one of changes) {
    const lead = /^(.+)\.values$/.exec(one.path)?.[1];
    if (lead === undefined) continue;
    const mode = `${lead}.targetingMode`;
    const [old, wanted] = [membersOf(one.before), membersOf(one.after)];
    const [gained, lost] = [wanted.filter((member) => !old.includes(member)), old.filter((m) => !wanted.includes(m))];
    const modeChange = changes.find(({ path }) => path === mode);
    // A list that begins gets its mode with its first member, and one that ends loses it with its last.
    if (lost.length > 0) {
      const rest = old.filter((member) => !lost.includes(member));
      const goes =
        rest.length === 0 && found[mode] !== undefined
          ? [{ path: mode, before: found[mode] ?? null, after: null }]
          : [];
      return {
        which: "original",
        kind: "remove",
        changes: [{ ...one, after: rest.length === 0 ? null : rest }, ...goes],
      };
    }
    if (gained.length > 0)
      return { which: "original", kind: "add", changes: [one, ...(modeChange === undefined ? [] : [modeChange])] };
  }
  return { which: "original", kind: "patch", changes };
}

export const membersOf = (leaf: Leaf | null): readonly string[] =>
  leaf === null || typeof leaf === "string" ? [] : leaf;

function judgeClone({ change, cloneId, writes, theirs, live }: Known, stage: Stage): JudgedOne {
  const mine = writes.filter(({ which }) => which === "clone");
  const found = live.find((one) => one.configId === cloneId || one.displayName === change.cloneName) ?? null;
  const isOurs = isMade(mine);
  const isUnclear = (kind: WriteKind) => mine.some((write) => write.state === "sent" && write.kind === kind);
  const wanted = desiredAt(change, stage).clone;
  if (found === null) {
    const foreign = isOurs && !isUnclear("delete") ? [wholly("clone", "there", "gone")] : [];
    const next: PlannedWrite | null =
      wanted === null || foreign.length > 0
        ? null
        : { which: "clone", kind: "create", changes: differences({}, wanted) };
    return { foreign, next, live: null };
  }
  if (!isOurs && !isUnclear("create")) return { foreign: [wholly("clone", "gone", "there")], next: null, live: null };
  const foreign: Foreign[] = [];
  if (found.displayName !== change.cloneName)
    foreign.push({ which: "clone", path: "displayName", expected: change.cloneName, found: found.displayName });
  if (!found.isActive) foreign.push({ which: "clone", path: "state", expected: "ACTIVE", found: "SUSPENDED" });
  for (const path of pathsOf(change.target, found.content, new Set([cap]))) {
    const possible = path === cap ? possibleOf(mine, cap, undefined) : [change.target[path]];
    if (!possible.some((leaf) => sameLeaf(leaf, found.content[path])))
      foreign.push({ which: "clone", path, expected: possible[0] ?? null, found: found.content[path] ?? null });
  }
  // Whoever works on the clone has taken it over.
  if (foreign.length > 0 || theirs.some(({ which }) => which === "clone")) return { foreign, next: null, live: found };
  if (wanted === null) return { foreign, next: { which: "clone", kind: "delete", changes: [] }, live: found };
  const changes = differences(found.content, wanted);
  return { foreign, next: changes.length === 0 ? null : { which: "clone", kind: "patch", changes }, live: found };
}

/**
 * Of what had no answer, what is there now: of several that say the same the last, since an earlier one may still be on
 * its way.
 */
function seenWrites({ change, original, writes, live }: Known, clone: Live | null): number[] {
  const found = live.find(({ configId }) => configId === original.configId);
  const seen = new Map<Which, number>();
  for (const write of writes) {
    if (write.state !== "sent") continue;
    const others = writes.filter((one) => one.which === write.which);
    const content = write.which === "original" ? found?.content : clone?.content;
    const isThere =
      write.kind === "create" || write.kind === "delete"
        ? (write.kind === "create") === (clone !== null) && (write.kind === "create") !== isMade(others)
        : content !== undefined &&
          write.changes.every(({ path, after }) => sameLeaf(content[path], after ?? undefined)) &&
          write.changes.some(({ path, after }) => {
            const [known] = possibleOf(others, path, write.which === "original" ? change.snapshot[path] : undefined);
            return !sameLeaf(known, after ?? undefined);
          });
    if (isThere) seen.set(write.which, write.writeId);
  }
  return [...seen.values()];
}

/** Whether the clone is there, by what is known to have arrived. */
function isMade(writes: readonly JournaledWrite[]): boolean {
  const [last] = writes
    .filter(({ state, kind }) => state === "arrived" && (kind === "create" || kind === "delete"))
    .sort((one, other) => (other.settledNo ?? 0) - (one.settledNo ?? 0));
  return last?.kind === "create";
}
