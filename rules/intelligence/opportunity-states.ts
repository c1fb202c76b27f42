import { identityOf, type Identity } from "./find-opportunities.ts";

export const opportunityStates = ["new", "seen", "dismissed", "snoozed", "planned", "done", "gone"] as const;
export type OpportunityState = (typeof opportunityStates)[number];

/** What a person may make of it; the others are the search's own. */
export const decidedStates = ["seen", "dismissed", "snoozed", "planned", "done", "new"] as const;

/** One that was listed stays while it is still likely: what is sure one night and not quite the next would flutter. */
export const holdsFrom = { confidence: 0.8, ratio: 0.9 } as const;

interface Decided extends Identity {
  state: OpportunityState;
  at: Date;
  snoozedUntil: string | null;
}

const decidedOf: readonly OpportunityState[] = ["dismissed", "snoozed", "planned", "done"];

/**
 * What people decided of campaigns that were merged away, by what it is of the campaign that each went into; the last of
 * several. What was put off until today or before is due, and decides nothing any more.
 */
export function decisionsByHeir<One extends Decided>(
  known: readonly One[],
  successors: ReadonlyMap<number, number>,
  today: string,
): Map<string, One> {
  const decisions = new Map<string, One>();
  for (const one of [...known].sort((a, b) => a.at.getTime() - b.at.getTime())) {
    const campaignId = successors.get(one.campaignId);
    const isDue = one.state === "snoozed" && (one.snoozedUntil ?? "") <= today;
    if (campaignId === undefined || !decidedOf.includes(one.state) || isDue) continue;
    decisions.set(identityOf({ type: one.type, campaignId, subject: one.subject }), one);
  }
  return decisions;
}
