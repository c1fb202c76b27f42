import { z } from "zod";
import { addDays, dayAt } from "../../core/days.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import { namesOf } from "../../queries/intelligence/campaign-details.ts";
import { saveGeographic } from "../../queries/intelligence/geographic.ts";
import { readCampaignWindow, readLastDay, type WindowOf } from "../../queries/intelligence/opportunity-cells.ts";
import { readCampaignNames, type CampaignNames } from "../../queries/intelligence/opportunity-names.ts";
import { readQuality, type QualityOf } from "../../queries/intelligence/opportunity-quality.ts";
import {
  findSearch,
  readLastSearch,
  recordSearch,
  recordsState,
  type OpportunityRun,
} from "../../queries/intelligence/opportunity-runs.ts";
import {
  keptOpportunities,
  readKnown,
  readLooks,
  recordTests,
  type ListedOpportunity,
} from "../../queries/intelligence/opportunity-state.ts";
import { lockListed } from "../../queries/shared/listed-states.ts";
import { countryNamed } from "../../rules/intelligence/country-name.ts";
import { findOpportunities, type Found } from "../../rules/intelligence/find-opportunities.ts";
import { findPatterns, matrixOf } from "../../rules/intelligence/geographic-patterns.ts";
import { windowDays } from "../../rules/intelligence/opportunity-cells.ts";
import { blockedBy } from "../../rules/intelligence/opportunity-quality.ts";
import { describeOpportunity } from "../../rules/intelligence/opportunity-words.ts";
import { inTransaction, type Session } from "../../schema/database.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { runOf } from "../shared/run-of.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import type { ClusterContext } from "./context.ts";
import { keepStates } from "./keep-opportunities.ts";

const shape = z.object({ client: z.string().optional(), onlyIfChanged: z.boolean().optional() });

export type SearchSummary = { client: string } & (
  ({ searched: true } & OpportunityRun) | { searched: false; reason: string }
);

/**
 * Looks for opportunities in a client's last 28 complete days and stores what was found, with everything that was tested, in
 * one transaction. The same rows again find the same and count as the same night.
 */
export async function searchOpportunities(
  context: ClusterContext,
  { input }: { input: unknown },
): Promise<SearchSummary> {
  const { database, config, redact } = context;
  const { client: asked, onlyIfChanged = false } = checkedInput(shape, input);
  const client = clientNamed(config, asked);
  const run = { client, ...runOf() };
  return withHeartbeat({ place: `opportunities of client ${client}`, redact }, async () => {
    const earlier = await findSearch(database, run);
    if (earlier !== null) return { client, searched: true, ...earlier };
    const today = dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC");
    const to = await readLastDay(database, { client, today });
    if (to === null)
      return { client, searched: false, reason: "there are no rows of performance on a day that is over" };
    const window = { client, from: addDays(to, 1 - windowDays), to };
    const records = await recordsState(database, { client });
    const last = onlyIfChanged ? await readLastSearch(database, { client }) : null;
    if (last?.records === records && last.windowTo === to && !(await hasWoken(context, client, today)))
      return {
        client,
        searched: false,
        reason: `nothing has changed since the search of ${last.endedAt.toISOString()}`,
      };
    const found = await inTransaction(database, (session) =>
      search(session, { ...run, ...window, today, records, context }),
    );
    return { client, searched: true, ...found };
  });
}

/** Whether one that was put off is due again. */
async function hasWoken({ database }: ClusterContext, client: string, today: string): Promise<boolean> {
  const known = await readKnown(database, { client });
  return known.some(({ state, snoozedUntil }) => state === "snoozed" && snoozedUntil !== null && snoozedUntil <= today);
}

interface Search extends WindowOf {
  workflowId: string;
  runId: string;
  today: string;
  records: string;
  context: ClusterContext;
}

async function search(session: Session, of: Search): Promise<OpportunityRun> {
  const { client } = of;
  await lockListed(session, keptOpportunities, client);
  const window = await readCampaignWindow(session, of, of.context.store);
  const { tests, found, togetherness } = findOpportunities(window, await readLooks(session, of));
  const names = await readCampaignNames(session, of);
  const quality = await readQuality(session, of);
  const creatives = await namesOf(session, {
    client,
    ids: found.filter(({ type }) => type === "neglected_creative").map(({ subject }) => subject),
  });
  const stored = found.map((test) => toStored(test, { names, creatives, quality, of, together: togetherness }));
  await recordTests(session, of, tests);
  const { geography } = window.cells;
  await saveGeographic(session, of, {
    matrix: matrixOf(geography, window.traits),
    patterns: findPatterns(geography, window.traits),
  });
  const { created, gone } = await keepStates(session, of, { tests, stored, standing: new Set(names.keys()) });
  const run: OpportunityRun = {
    windowFrom: of.from,
    windowTo: of.to,
    daysWithData: window.days,
    campaigns: window.cells.campaign.filter(({ own }) => own.spend > 0).length,
    tested: tests.length,
    listed: stored.length,
    created,
    gone,
    blocked: stored.filter((one) => one.blockedBy !== null).length,
  };
  await recordSearch(session, { ...of, origin: originOf([...names.values()]) }, { ...run, togetherness });
  return run;
}

interface Known {
  names: ReadonlyMap<number, CampaignNames>;
  creatives: ReadonlyMap<string, string>;
  quality: QualityOf;
  of: Search;
  together: Readonly<Record<string, number>>;
}

function toStored(test: Found, { names, creatives, quality, of, together }: Known): ListedOpportunity {
  const { type, campaignId, subject, savings, evidence, confidence, p, looks } = test;
  const campaign = names.get(campaignId);
  const name = campaign?.name ?? `campaign ${campaignId}`;
  const words = describeOpportunity(test, {
    subject: subjectName(test, creatives),
    currency: of.context.config.ingest.clients.get(of.client)?.currency ?? "USD",
  });
  return {
    type,
    campaignId,
    subject,
    recommendation: words.recommendation.join(name),
    basis: words.basis,
    currentMetricValue: evidence.current,
    referenceValue: evidence.reference,
    currentSpendWeekly: savings.current,
    targetSpendWeekly: savings.target,
    savingsWeekly: savings.weekly,
    savingsWeeklyLow: savings.low,
    confidence,
    blockedBy: blockedBy(
      type === "neglected_creative" ? quality.creatives.get(subject) : quality.campaigns.get(campaignId),
    ),
    evidence: {
      window: { from: of.from, to: of.to },
      ...evidence,
      ...{ confidence, p, looks, togetherness: together },
      aroundName: words.recommendation,
    },
    origin: campaign?.origin ?? "unknown",
  };
}

function subjectName({ type, subject }: Found, creatives: ReadonlyMap<string, string>): string | null {
  if (type === "high_cpc_low_spend") return null;
  if (type === "neglected_creative") return creatives.get(subject) ?? subject;
  return type === "size_gap" ? subject : countryNamed(subject);
}

/** Real as soon as one campaign is. */
function originOf(campaigns: readonly CampaignNames[]): StoredOrigin {
  const found = new Set(campaigns.map(({ origin }) => origin));
  if (found.has("real")) return "real";
  return found.size === 1 && found.has("sandbox") ? "sandbox" : "unknown";
}
