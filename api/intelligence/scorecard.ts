import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { listDone, readOpportunityDays, type OpportunityRow } from "../../queries/intelligence/opportunities.ts";
import { readLastDay } from "../../queries/intelligence/opportunity-cells.ts";
import { opportunityTypes } from "../../rules/intelligence/opportunity-cells.ts";
import {
  matchedWeeks,
  measureAdvice,
  scoreOf,
  type Measured,
  type MeasuredDay,
} from "../../rules/intelligence/scorecard.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { score, scored, toOpportunity } from "./opportunity-shapes.ts";

const readers = allow("admin", "operator", "analyst");
/** The last of them: each takes two readings of its days. */
const mostMeasured = 100;

/** Of each piece of advice that was followed: what was said, and what came. */
export function scorecardRoute(api: Api, { reading, config }: ServerParts): void {
  api.get(
    "/opportunities/scorecard",
    {
      config: readers,
      schema: {
        tags: ["opportunities"],
        summary: "Whether advice was right: what was said and what came, over as many weeks before as after",
        description: `Of the last ${mostMeasured} that were marked done. What was said is scaled to the raise that was made. Right: it saved, and as much as the cautious figure may have come; partly: it saved less than that; wrong: it cost more; undecided: it may have done either. A campaign that was merged into another is measured by the creatives that it had; campaign_gone: it is not known which they were.`,
        response: { 200: z.object({ types: z.array(score), items: z.array(scored) }) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const today = dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC");
      const lastDay = await readLastDay(reading, { client, today });
      const items: z.infer<typeof scored>[] = [];
      for (const row of await listDone(reading, { client, limit: mostMeasured }))
        items.push({ ...toOpportunity(row), ...rounded(await measure(row, { client, lastDay, reading })) });
      return {
        types: opportunityTypes.map((type) => ({
          type,
          ...scoreOf(items.filter((one) => one.type === type).map(({ outcome }) => outcome)),
        })),
        items,
      };
    },
  );
}

async function measure(
  row: OpportunityRow & { doneOn: string },
  { client, lastDay, reading }: { client: string; lastDay: string | null; reading: ServerParts["reading"] },
): Promise<Measured> {
  const weeks = lastDay === null ? null : matchedWeeks(row.doneOn, lastDay);
  const forecast = {
    currentWeekly: Number(row.currentSpendWeekly),
    targetWeekly: Number(row.targetSpendWeekly),
    savingsWeekly: Number(row.savingsWeekly),
    savingsWeeklyLow: Number(row.savingsWeeklyLow),
  };
  if (weeks === null) return measureAdvice(forecast, null, { before: [], after: [] });
  const of = { client, opportunityId: row.opportunityId, ofItself: true };
  const days = await readOpportunityDays(reading, { ...of, from: weeks.before.from, to: weeks.after.to });
  const measured = days.map((day): MeasuredDay => ({
    date: day.date,
    clicks: Number(day.clicks),
    spend: Number(day.spend),
    restClicks: Number(day.restClicks),
    restSpend: Number(day.restSpend),
  }));
  const isUnknown = row.campaignName === null && measured.length === 0;
  return measureAdvice(
    forecast,
    weeks,
    isUnknown
      ? null
      : {
          before: measured.filter(({ date }) => date < row.doneOn),
          after: measured.filter(({ date }) => date >= row.doneOn),
        },
  );
}

const inCents = (amount: number | null) => amount?.toFixed(2) ?? null;

const rounded = ({ outcome, weeks, ...amounts }: Measured) => ({
  outcome,
  weeks,
  raisedWeekly: inCents(amounts.raisedWeekly),
  forecast: inCents(amounts.forecast),
  forecastLow: inCents(amounts.forecastLow),
  came: inCents(amounts.came),
  cameFrom: inCents(amounts.cameFrom),
  cameTo: inCents(amounts.cameTo),
});
