export const opportunityStates = ["new", "seen", "dismissed", "snoozed", "planned", "done", "gone"] as const;
export type OpportunityState = (typeof opportunityStates)[number];

/** What a person may make of it; the others are the search's own. */
export const decidedStates = ["seen", "dismissed", "snoozed", "planned", "done", "new"] as const;

/** One that was listed stays while it is still likely: what is sure one night and not quite the next would flutter. */
export const holdsFrom = { confidence: 0.8, ratio: 0.9 } as const;
