import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { rememberDecided, type KnownFinding, type RowSums, type Saved } from "../../queries/findings/save-findings.ts";
import { keptFindings } from "../../queries/findings/save-findings.ts";
import { changeState } from "../../queries/shared/listed-states.ts";
import { identityOf, type Tested } from "../../rules/findings/kinds.ts";
import { alertFrom, describeFinding, hasGrown } from "../../rules/findings/words.ts";
import { stateAfter } from "../../rules/shared/listed-states.ts";
import type { Session } from "../../schema/database.ts";

interface Of {
  client: string;
  workflowId: string;
  to: string;
  today: string;
}

interface Tonight {
  /** As they were before the search. */
  known: readonly KnownFinding[];
  saved: readonly Saved[];
  sums: ReadonlyMap<number, RowSums>;
  tests: readonly Tested[];
}

/** Gives new ones their state, and moves that of those which were known; large new ones become alerts. */
export async function keepStates(
  session: Session,
  of: Of,
  { known, saved, sums, tests }: Tonight,
): Promise<{ created: number; gone: number }> {
  const before = new Map(known.map((one) => [identityOf(one), one]));
  const tested = new Map(tests.map((one) => [identityOf(one), one]));
  const log = { client: of.client, actor: `workflow ${of.workflowId}`, role: null };
  let created = 0;
  for (const { id, found } of saved) {
    const own = sums.get(id);
    const one = before.get(identityOf(found));
    if (own === undefined) continue;
    if (one === undefined) {
      created += 1;
      await changeState(session, keptFindings, { ...log, id, from: null, to: "new", reason: null });
    } else {
      const grown = one.currency === found.facts.currency && hasGrown(one.decidedAtStake, own.atStake);
      const next = stateAfter({ ...one, isListed: true, stillHolds: true, today: of.today, hasGrown: grown });
      if (next === null) continue;
      const reason = grown
        ? `it has grown from ${one.decidedAtStake ?? "0"} to ${own.atStake} ${one.currency} since it was ${one.state}`
        : `it holds again on ${of.to}`;
      await changeState(session, keptFindings, { ...log, id, from: one.state, to: next, reason });
      await rememberDecided(session, { client: of.client, id });
    }
    if (Number(own.atStake) >= alertFrom)
      await raiseAlert(session, {
        ...alertOf(of.client, id),
        kind: "finding",
        severity: "warning",
        message: describeFinding(found, own),
        details: { finding: id, kind: found.kind, atStake: own.atStake, currency: found.facts.currency },
      });
  }
  const listed = new Set(saved.map(({ found }) => identityOf(found)));
  let gone = 0;
  for (const one of known.filter((known_) => !listed.has(identityOf(known_)))) {
    const stillHolds = tested.get(identityOf(one))?.stillHolds ?? false;
    const next = stateAfter({ ...one, isListed: false, stillHolds, today: of.today });
    if (next === null) continue;
    const isGone = next === "gone";
    const reason = isGone ? `it does not hold on the days up to ${of.to}` : "its day has come, and it still holds";
    await changeState(session, keptFindings, { ...log, id: one.findingId, from: one.state, to: next, reason });
    if (!isGone) continue;
    gone += 1;
    await settleFinding(session, { client: of.client, id: one.findingId, notes: reason });
  }
  return { created, gone };
}

const alertOf = (client: string, id: number) => ({ client, area: "findings", subject: `finding/${id}` });

/** Its alert has nothing more to say. */
async function settleFinding(session: Session, { client, id, notes }: { client: string; id: number; notes: string }) {
  await settleAlerts(session, { ...alertOf(client, id), kinds: ["finding"], notes });
}
