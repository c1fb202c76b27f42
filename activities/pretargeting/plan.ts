import { mostConfigs, readConfigs } from "../../connectors/exchanges/pretargeting.ts";
import { sha256 } from "../../core/crypto.ts";
import { dayAt } from "../../core/days.ts";
import { originOf } from "../../core/origin.ts";
import { findOpportunity } from "../../queries/intelligence/opportunities.ts";
import { readFeed } from "../../queries/pretargeting/feed.ts";
import {
  findPlan,
  keepPlan,
  keepRefusal,
  noteEvent,
  readClones,
  type PlanRow,
} from "../../queries/pretargeting/plans.ts";
import { readBidders, readSizes } from "../../queries/pretargeting/subjects.ts";
import { readWaste } from "../../queries/rtb/waste.ts";
import { differences } from "../../rules/pretargeting/leaves.ts";
import { propose, type Refused, type Wanted } from "../../rules/pretargeting/propose.ts";
import { chooseRollout } from "../../rules/pretargeting/stages.ts";
import { titleOf, wantedOfWaste } from "../../rules/pretargeting/subject.ts";
import { takesTooMuch, whyNoFeed } from "../../rules/pretargeting/watch-qps.ts";
import { inTransaction } from "../../schema/database.ts";
import { exchangeAccount } from "../rtb/shapes.ts";
import { invalidInput } from "../shared/failures.ts";
import { inTurns, type PlanOf, type PretargetingContext } from "./context.ts";

export interface PlannedPretargeting {
  planId: number;
  state: PlanRow["state"];
  reason: string | null;
}

/** Of waste, the days that it is looked for in. */
const wasteDays = 7;

/** Computes a change from what is at the exchange now. Nothing is written there. */
export async function planPretargeting(context: PretargetingContext, of: PlanOf): Promise<PlannedPretargeting> {
  const { database } = context;
  const plan = await findPlan(database, of);
  if (plan === null) throw invalidInput(`client ${of.client} has no plan ${of.planId}`);
  if (plan.state !== "planning") return { planId: of.planId, state: plan.state, reason: plan.stateReason };
  const found = await compute(context, of, plan);
  const reason = "refused" in found ? found.refused : null;
  await inTransaction(database, async (session) => {
    const isKept =
      "refused" in found
        ? await keepRefusal(session, of, {
            ...{ reason: found.refused, title: found.title ?? null, candidates: found.candidates ?? [] },
          })
        : await keepPlan(session, { ...of, origin: originOf(exchangeAccount(context, of.client)) }, found);
    if (!isKept) return;
    await noteEvent(session, of, {
      kind: reason === null ? "planned" : "refused",
      actor: "workflow",
      words: reason ?? `computed; nothing was changed${blockedText(found)}`,
    });
  });
  return { planId: of.planId, state: reason === null ? "planned" : "refused", reason };
}

const blockedText = (found: object) =>
  "blockedBy" in found && typeof found.blockedBy === "string" ? `. It stops here: ${found.blockedBy}` : "";

type RefusedPlan = Refused & { title?: string };

async function compute(context: PretargetingContext, of: PlanOf, plan: PlanRow) {
  const { database, config } = context;
  const { silentSeconds, watchSeconds, isApplied } = config.pretargeting;
  const subject = await subjectOfPlan(context, of, plan);
  if (typeof subject === "string") return { refused: subject } satisfies RefusedPlan;
  const title = titleOf(subject.wanted);
  const not = (refused: Refused): RefusedPlan => ({ ...refused, title });
  const [bidderId, ...more] = await readBidders(database, of.client);
  if (bidderId === undefined) return not({ refused: "no seat of a bidder is known: discover seats first" });
  if (more.length > 0)
    return not({ refused: `the client has seats of ${more.length + 1} bidders: pretargeting is planned for one` });
  const live = await inTurns(context, of, ({ exchange }) => readConfigs(exchange, bidderId));
  const clones = await readClones(database, of.client);
  const cloneOf = (one: { configId: string; displayName: string }) =>
    clones.find(({ cloneId, cloneName }) => cloneId === one.configId || cloneName === one.displayName);
  const named = live.find(({ configId }) => configId === plan.wantedConfigId);
  const ours = named === undefined ? undefined : cloneOf(named);
  if (ours !== undefined) return not({ refused: `that configuration is the temporary copy of plan ${ours.planId}` });
  const others = live.filter((one) => cloneOf(one) === undefined);
  const proposal = propose(subject.wanted, others, plan.wantedConfigId);
  if ("refused" in proposal) return not(proposal);
  const { configId, displayName, snapshot, target } = proposal;
  const feed = await readFeed(database, { client: of.client, bidderId, sinceSeconds: watchSeconds });
  const { maximumQps } = snapshot;
  const rollout = chooseRollout({
    wanted: plan.wantedRollout,
    maximumQps: typeof maximumQps === "string" && /^\d{1,9}$/.test(maximumQps) ? Number(maximumQps) : null,
    active: live.filter(({ isActive }) => isActive).length,
    configs: live.length,
    mostConfigs,
    measuredQps: feed.qps,
  });
  const isActive = live.find((one) => one.configId === configId)?.isActive ?? false;
  const blocked = [
    whyNoFeed(feed, silentSeconds),
    takesTooMuch(subject.expectedShare)
      ? "it takes half of all requests or more: its own watch would end it. Take smaller steps"
      : null,
    isActive ? null : "the configuration is suspended: a change of it has no effect that could be watched",
    isApplied ? null : "PRETARGETING_APPLY is off",
  ].filter((one) => one !== null);
  const kept = {
    ...{ title, bidderId, configId, configName: displayName },
    ...{ configState: isActive ? ("ACTIVE" as const) : ("SUSPENDED" as const) },
    ...{ snapshot, target, difference: differences(snapshot, target) },
    ...{ rollout: rollout.rollout, rolloutReason: rollout.reason, totalQps: rollout.totalQps },
    ...{ expectedShare: subject.expectedShare, blockedBy: blocked.length === 0 ? null : blocked.join("; ") },
    cloneName: `${displayName.slice(0, 60)} (change ${of.planId})`,
  };
  return { ...kept, digest: sha256(Buffer.from(JSON.stringify([of, kept]))) };
}

interface Subject {
  wanted: Wanted;
  /** Of the bidder's requests, what the change takes. */
  expectedShare: number | null;
}

async function subjectOfPlan(context: PretargetingContext, of: PlanOf, plan: PlanRow): Promise<Subject | string> {
  if (plan.source === "opportunity") return subjectOfOpportunity(context, of, plan.opportunityId ?? 0);
  const { by, value } = plan.wanted as { by: string; value: string };
  const wanted = wantedOfWaste({ by, value });
  if (typeof wanted === "string") return wanted;
  const settings = context.config.ingest.clients.get(of.client);
  const waste = await readWaste(context.database, {
    client: of.client,
    buyerId: null,
    days: wasteDays,
    to: dayAt(new Date(), settings?.reportZone ?? "UTC"),
    spendReport: settings?.spendReport ?? "bids_in_auction",
  });
  const groups = by === "country" ? waste.countries : by === "publisher" ? waste.publishers : [];
  const part = groups.find((group) => group.value === value)?.funnel.bidRequests ?? null;
  const whole = waste.funnel?.funnel.bidRequests ?? null;
  return { wanted, expectedShare: part === null || whole === null || whole === 0 ? null : part / whole };
}

async function subjectOfOpportunity(
  { database }: PretargetingContext,
  { client }: PlanOf,
  opportunityId: number,
): Promise<Subject | string> {
  const found = await findOpportunity(database, { client, opportunityId });
  if (found === null) return `there is no opportunity ${opportunityId}`;
  const sizes = () => readSizes(database, { client, opportunityId, isSizeGap: found.type === "size_gap" });
  switch (found.type) {
    case "undervalued_geo":
      if (found.geography === null) return "the opportunity names no country";
      return { wanted: { act: "let_in", by: "country", country: found.geography }, expectedShare: null };
    case "neglected_creative":
    case "size_gap":
      return { wanted: { act: "let_in", by: "size", sizes: await sizes() }, expectedShare: null };
    case "high_cpc_low_spend":
      return "it is about a whole campaign: pretargeting keeps no campaign out. Raise its budget or bids";
  }
}
