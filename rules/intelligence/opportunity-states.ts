export const opportunityStates = ["new", "seen", "dismissed", "snoozed", "planned", "done", "gone"] as const;
export type OpportunityState = (typeof opportunityStates)[number];

/** What a person may make of it; the others are the search's own. */
export const decidedStates = ["seen", "dismissed", "snoozed", "planned", "done", "new"] as const;
export type DecidedState = (typeof decidedStates)[number];

/** Whoever says so must say why: it is read months later. */
export const needReason: readonly OpportunityState[] = ["dismissed", "snoozed"];

interface Held {
  state: OpportunityState;
  /** Whether the last window lists it, or at least does not speak against it. */
  isListed: boolean;
  stillHolds: boolean;
  snoozedUntil: string | null;
  /** The client's today. */
  today: string;
}

/**
 * The state after a search; null where it stays. One that was dismissed does not come back by itself, and of one that is
 * done only the measuring goes on.
 */
export function stateAfter({ state, isListed, stillHolds, snoozedUntil, today }: Held): OpportunityState | null {
  switch (state) {
    case "dismissed":
    case "done":
    case "planned":
      return null;
    case "gone":
      return isListed ? "new" : null;
    case "snoozed":
      if (!isListed && !stillHolds) return "gone";
      return snoozedUntil !== null && snoozedUntil <= today && isListed ? "new" : null;
    case "new":
    case "seen":
      return isListed || stillHolds ? null : "gone";
  }
}

/** One that was listed stays while it is still likely: what is sure one night and not quite the next would flutter. */
export const holdsFrom = { confidence: 0.8, ratio: 0.9 } as const;
