import { raiseAlert } from "../../queries/ops/alerts.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { noteEvent, noteLost, noteTheirs } from "../../queries/pretargeting/plans.ts";
import type { Foreign, Theirs } from "../../rules/pretargeting/judge.ts";
import type { Leaf } from "../../rules/pretargeting/leaves.ts";
import { leafText, partName } from "../../rules/pretargeting/words.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { subjectOf, type PlanOf } from "./context.ts";

const longest = 1_000;

const partOf = ({ which, path }: Foreign) =>
  which === "original" ? partName(path) : path === "" ? "the clone" : `the clone's ${partName(path)}`;
const said = ({ path }: Foreign, leaf: Leaf | null) => leafText(path, leaf) ?? "unset";
const listed = (parts: readonly string[]) => parts.join("; ").slice(0, longest);

const whatForeign = (foreign: readonly Theirs[]) =>
  listed(foreign.map((one) => `${differenceOf(one)}${one.lost === undefined ? "" : lostText(one, one.lost.to)}`));

/** Of a whole configuration there is only whether it is there. */
function differenceOf(one: Foreign): string {
  if (one.path !== "") return `${partOf(one)} is ${said(one, one.found)}, not ${said(one, one.expected)}`;
  return one.found === "gone" ? `${partOf(one)} is gone` : "there is a configuration with the clone's name";
}

const lostText = (one: Foreign, to: Leaf | null) =>
  one.path === ""
    ? ", and was deleted by a late request of ours"
    : `, and was made ${said(one, to)} by a late request of ours`;

const changed = "another person changed it";

/** Why it goes no further. */
export const byAnother = (foreign: readonly Theirs[]) => `${changed}: ${whatForeign(foreign)}`;

/** Why it ended, each thing once: what led to it is often what was found, or a part of that. */
export function endReason(reason: string, foreign: readonly Theirs[]): string {
  if (foreign.length === 0) return reason;
  return isByAnother(reason) ? byAnother(foreign) : `${reason}; ${byAnother(foreign)}`;
}

export const isByAnother = (reason: string) => reason.startsWith(changed);

/** Says that another person has changed something, once for each part, as soon as it is seen. */
export async function tellOvertaken(database: Database, of: PlanOf, foreign: readonly Foreign[]): Promise<void> {
  await inTransaction(database, async (session) => {
    if (await noteTheirs(session, of, foreign)) await tellForeign(session, of, foreign);
  });
}

/** The same where all stays as it is: that person may put it back, and then it may be asked for again. */
export function tellRefused(database: Database, of: PlanOf, foreign: readonly Foreign[]): Promise<void> {
  return inTransaction(database, (session) => tellForeign(session, of, foreign));
}

async function tellForeign(session: Session, of: PlanOf, foreign: readonly Foreign[]): Promise<void> {
  const found = whatForeign(foreign);
  await raiseAlert(session, {
    ...{ client: of.client, area: "pretargeting", kind: "pretargeting_overtaken", subject: subjectOf(of) },
    severity: "critical",
    message: `Another person changed the configuration of pretargeting plan ${of.planId}; their change stands: ${found}`,
    details: { foreign },
  });
  await noteEvent(session, of, {
    kind: "overtaken",
    actor: "workflow",
    words: byAnother(foreign),
  });
  await recordAudit(session, {
    ...{ client: of.client, actor: "workflow", role: null, subject: subjectOf(of) },
    action: "pretargeting_overtaken",
    details: { foreign, words: found },
  });
}

/** Says that what a person had changed did not stand: a request was on its way before it was seen. It is not put back. */
export async function tellLost(database: Database, of: PlanOf, lost: readonly Required<Theirs>[]): Promise<void> {
  const words = listed(
    lost.map(
      (one) => `${partOf(one)} was ${said(one, one.found)}, set by a person, and is ${said(one, one.lost.to)} now`,
    ),
  );
  await inTransaction(database, async (session) => {
    await noteLost(session, of, lost);
    await raiseAlert(session, {
      ...{ client: of.client, area: "pretargeting", kind: "pretargeting_lost", subject: subjectOf(of) },
      severity: "critical",
      message: `A request of pretargeting plan ${of.planId} that had no answer arrived after another person's change, and took it away: ${words}. It is not written again: set it by hand`,
      details: { lost },
    });
    await noteEvent(session, of, { kind: "lost", actor: "workflow", words });
    await recordAudit(session, {
      ...{ client: of.client, actor: "workflow", role: null, subject: subjectOf(of) },
      action: "pretargeting_lost",
      details: { lost, words },
    });
  });
}
