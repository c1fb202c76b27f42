export const findingKinds = [
  "paid_twice",
  "spend_without_clicks",
  "clicks_without_spend",
  "click_times",
  "repeat_addresses",
  "parted_ways",
] as const;
export type FindingKind = (typeof findingKinds)[number];

export const findingStates = ["new", "seen", "dismissed", "snoozed", "done", "gone"] as const;
export type FindingState = (typeof findingStates)[number];

/** What a person may make of one; `gone` is the search's own. */
export const decidedFindings = ["seen", "dismissed", "snoozed", "done", "new"] as const;

/** How many days each looks at, up to the last final one. */
export const lookDays = {
  /** A second payment is seen when both have been approved, which may take weeks. */
  paidTwice: 90,
  /** Four whole weeks. */
  window: 28,
  /** As many before them, so that what is usual is known of each day. */
  history: 56,
} as const;

/** What it is about, and what it keeps its number by. */
export interface Identity {
  kind: FindingKind;
  subject: string;
}

export const identityOf = ({ kind, subject }: Identity) => `${kind} ${subject}`;

/** What the rows of a finding are chosen by: stored with it, so that SQL can choose them again. */
export interface Facts {
  currency: string;
  /** What is usual, by day: clicks for a spend, spend for clicks, or spend for one conversion; decimal text. */
  days?: Record<string, string>;
  /** Conversions whose time from the click is in here. */
  fromSeconds?: number | null;
  toSeconds?: number | null;
  [figure: string]: unknown;
}

/** Something that was found, before its rows are read: these say what is at stake. */
export interface Found extends Identity {
  name: string;
  from: string;
  to: string;
  /** How likely chance alone would do this; null where chance has no part. */
  p: number | null;
  facts: Facts;
}

/** Something that was held against others: the more nights it was, the surer it must be. */
export interface Tested extends Identity {
  looks: number;
  p: number;
  /** Whether it still differs as much as it has to, and would not be listed for want of certainty alone. */
  stillHolds: boolean;
  facts: Record<string, unknown>;
}
