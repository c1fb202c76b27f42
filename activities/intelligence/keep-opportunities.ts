import {
  keptOpportunities,
  readKnown,
  saveListed,
  type KnownOpportunity,
  type ListedOpportunity,
  type SearchRun,
} from "../../queries/intelligence/opportunity-state.ts";
import { readSuccessors } from "../../queries/rtb/successor.ts";
import { changeState } from "../../queries/shared/listed-states.ts";
import { identityOf, type Identity, type Tested } from "../../rules/intelligence/find-opportunities.ts";
import { decisionsByHeir, holdsFrom } from "../../rules/intelligence/opportunity-states.ts";
import { stateAfter } from "../../rules/shared/listed-states.ts";
import type { Session } from "../../schema/database.ts";

interface Night extends SearchRun {
  workflowId: string;
  /** The client's today. */
  today: string;
}

interface Result {
  tests: readonly Tested[];
  stored: readonly ListedOpportunity[];
  /** The campaigns that there are. */
  standing: ReadonlySet<number>;
}

/** Stores what is listed, and says what became of everything that was known. */
export async function keepStates(
  session: Session,
  night: Night,
  { tests, stored, standing }: Result,
): Promise<{ created: number; gone: number }> {
  const known = new Map((await readKnown(session, night)).map((one) => [identityOf(one), one]));
  const successors = await readSuccessors(session, night);
  const decided = decisionsByHeir([...known.values()], successors, night.today);
  let created = 0;
  for (const one of stored) {
    const identity = identityOf(one);
    const own = known.get(identity);
    const earlier = own === undefined || own.state === "gone" ? decided.get(identity) : undefined;
    // Its advice was followed before the merge: that is measured, and not given again.
    if (earlier?.state === "done") continue;
    const opportunityId = await saveListed(session, night, one);
    if (own === undefined) created += 1;
    if (earlier !== undefined) {
      await inherit(session, night, { earlier, opportunityId, from: own?.state ?? null });
      known.delete(identityOf(earlier));
      known.delete(identity);
    } else if (own === undefined)
      await changeState(session, keptOpportunities, {
        ...bySearch(night),
        id: opportunityId,
        from: null,
        to: "new",
        reason: null,
      });
  }
  const listed = new Set(stored.map(identityOf));
  const byIdentity = new Map(tests.map((test) => [identityOf(test), test]));
  const heirOf = (one: Identity) => ({ ...one, campaignId: successors.get(one.campaignId) ?? one.campaignId });
  const isPutOff = ({ state, snoozedUntil }: KnownOpportunity) =>
    state === "snoozed" && (snoozedUntil ?? "") > night.today;
  let gone = 0;
  for (const one of known.values()) {
    // Put off before a merge, it stays so while it may still come back of the campaign that has its creatives now.
    const tested = byIdentity.get(identityOf(isPutOff(one) ? heirOf(one) : one));
    const next = nextState(one, { test: tested, isListed: listed.has(identityOf(one)), today: night.today });
    if (next === null) continue;
    if (next === "gone") gone += 1;
    const whyGone = standing.has(one.campaignId)
      ? `it does not hold in the window that ends on ${night.to}`
      : "its campaign was merged into another, or is gone";
    const reason = next === "gone" ? whyGone : `it holds again on ${night.to}`;
    await changeState(session, keptOpportunities, {
      ...bySearch(night),
      id: one.opportunityId,
      from: one.state,
      to: next,
      reason,
    });
  }
  return { created, gone };
}

const bySearch = ({ client, workflowId }: Night) => ({ client, actor: `workflow ${workflowId}`, role: null });

interface Inherited {
  earlier: KnownOpportunity;
  /** Of the campaign that the other was merged into. */
  opportunityId: number;
  from: KnownOpportunity["state"] | null;
}

/** What a person decided of a campaign that was merged away is said of its successor, and leads there. */
async function inherit(session: Session, night: Night, { earlier, opportunityId, from }: Inherited): Promise<void> {
  await changeState(session, keptOpportunities, {
    ...bySearch(night),
    id: opportunityId,
    from,
    to: earlier.state,
    reason: earlier.reason,
    until: earlier.snoozedUntil,
    decidedBy: earlier.by,
  });
  await changeState(session, keptOpportunities, {
    ...bySearch(night),
    id: earlier.opportunityId,
    from: earlier.state,
    to: "gone",
    reason: `its campaign was merged: it goes on as opportunity ${opportunityId}`,
  });
}

interface Tonight {
  test: Tested | undefined;
  isListed: boolean;
  today: string;
}

function nextState({ state, snoozedUntil }: KnownOpportunity, { test, isListed, today }: Tonight) {
  const stillHolds = test !== undefined && test.confidence >= holdsFrom.confidence && test.ratio < holdsFrom.ratio;
  return stateAfter({ state, isListed, stillHolds, snoozedUntil, today });
}
