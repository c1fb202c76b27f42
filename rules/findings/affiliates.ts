import { budgetFactor, discoveries } from "../shared/statistics.ts";
import type { Window } from "./gaps.ts";
import { type FindingKind, type Found, type Identity, type Tested } from "./kinds.ts";
import { unlikeOthers, type Unlike } from "./unlike.ts";

/** How long an affiliate's conversions took from the click, as counts. */
export interface ClickTimes {
  subject: string;
  name: string;
  /** Of most of its conversions. */
  currency: string;
  all: number;
  /** In the order of `timeClasses`. */
  classes: readonly number[];
  medianSeconds: number;
}

/** Of all conversions of an affiliate whose address is known, how many came from one that had brought another before. */
export interface Repeats {
  subject: string;
  name: string;
  currency: string;
  all: number;
  repeats: number;
}

export interface TimeClass {
  words: string;
  fromSeconds: number | null;
  toSeconds: number | null;
}

const minute = 60;
const day = 86_400;

/** What a journey of a person rarely is: the click after the conversion, at once, or long forgotten. */
export const timeClasses: readonly TimeClass[] = [
  { words: "before their click", fromSeconds: null, toSeconds: 0 },
  { words: "within 10 seconds of the click", fromSeconds: 0, toSeconds: 10 },
  { words: "within a minute of the click", fromSeconds: 0, toSeconds: minute },
  { words: "more than 3 days after the click", fromSeconds: 3 * day, toSeconds: null },
];

export const unlikeFloors = {
  all: 50,
  those: 10,
  /** At least so many times the usual share, and so much more of all. */
  times: 2,
  more: 0.1,
} as const;

/** One that is listed stays while it is still likely: what is sure one night and not quite the next would flutter. */
const holdsAt = { p: 0.1, times: 1.5 };
const falseShare = 0.1;

export interface Compared {
  tests: Tested[];
  found: Found[];
}

export type LooksBefore = (identity: Identity) => number;

/** Affiliates whose conversions follow their clicks otherwise than the others' do. */
export function findClickTimes(times: readonly ClickTimes[], window: Window, looksBefore: LooksBefore): Compared {
  const byClass = timeClasses.map((_, at) =>
    unlikeOthers(times.map(({ subject, all, classes }) => ({ subject, all, those: classes[at] ?? 0 }))),
  );
  const judged = times.map((one, index) => {
    const classes = byClass.map((all, at) => ({ at, unlike: all[index] as Unlike }));
    // The surest of those that are large enough; of each something is said, so chance has had as many tries.
    const [best] = classes.sort((a, b) => Number(isFar(b.unlike)) - Number(isFar(a.unlike)) || a.unlike.p - b.unlike.p);
    const { at, unlike } = best as (typeof classes)[number];
    const { words, fromSeconds, toSeconds } = timeClasses[at] as TimeClass;
    const figures = { words, fromSeconds, toSeconds, medianSeconds: one.medianSeconds };
    return { one, unlike: { ...unlike, p: Math.min(1, unlike.p * timeClasses.length) }, figures };
  });
  return compared("click_times", judged, { window, looksBefore });
}

/** Affiliates of whose conversions more come from addresses that brought one before than of the others'. */
export function findRepeats(repeats: readonly Repeats[], window: Window, looksBefore: LooksBefore): Compared {
  // Everflow's are known by the address behind a promo click, AnyTrack's by the visitor: each is held against its like.
  const networks = [...new Set(repeats.map(networkOf))];
  const judged = networks.flatMap((network) => {
    const own = repeats.filter((one) => networkOf(one) === network);
    const unlike = unlikeOthers(own.map(({ subject, all, repeats: those }) => ({ subject, all, those })));
    return own.map((one, index) => ({ one, unlike: unlike[index] as Unlike, figures: {} }));
  });
  return compared("repeat_addresses", judged, { window, looksBefore });
}

const networkOf = ({ subject }: { subject: string }) => subject.slice(0, subject.indexOf("/"));

const isFar = ({ all, those, share, usual }: Unlike) =>
  all >= unlikeFloors.all &&
  those >= unlikeFloors.those &&
  share >= unlikeFloors.times * usual &&
  share - usual >= unlikeFloors.more;

interface JudgedOne {
  one: { subject: string; name: string; currency: string };
  unlike: Unlike;
  figures: Record<string, unknown>;
}

function compared(
  kind: FindingKind,
  judged: readonly JudgedOne[],
  { window, looksBefore }: { window: Window; looksBefore: LooksBefore },
): Compared {
  const tests = judged
    .filter(({ unlike }) => unlike.all >= unlikeFloors.all)
    .map(({ one, unlike, figures }) => {
      const { all, those, share, usual, others, p } = unlike;
      const facts = { ...figures, currency: one.currency, all, those, share, usual, others, p };
      const stillHolds = p <= holdsAt.p && share >= holdsAt.times * usual && those >= unlikeFloors.those;
      const looks = looksBefore({ kind, subject: one.subject }) + 1;
      return { kind, subject: one.subject, name: one.name, looks, p, stillHolds, facts, isFar: isFar(unlike) };
    });
  const stands = discoveries(
    tests.map(({ p, looks }) => Math.min(1, p * budgetFactor(looks))),
    falseShare,
  );
  const found = tests
    .filter(({ isFar: far }, index) => far && stands[index] === true)
    .map(({ subject, name, p, facts }) => ({ kind, subject, name, ...window, p, facts }));
  return { tests: tests.map(({ name: _name, isFar: _far, ...test }) => test), found };
}
