import { z } from "zod";
import { day, word } from "../../api/server/lists.ts";
import { addDays, clockTime, rangeBefore } from "../../core/days.ts";
import { explained, type Explained } from "../../rules/cost/why.ts";
import { jsonAddress } from "../shared/json.ts";
import { periodQuery, readPeriod, type Period } from "../shared/period.ts";
import type { Visit } from "../shared/page.tsx";

/** A moment of a link, or what a field for date and time sends, by the client's clock. */
const moment = z.union([z.iso.datetime({ offset: true }), z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/)]);

export const whyQuery = {
  ...periodQuery,
  affiliateId: word.optional(),
  /** Of spend that is no one affiliate's: by its name in the mapping. */
  affiliate: word.optional(),
  sourceId: word.optional(),
  campaignId: word.optional(),
  metric: z.enum(explained).optional(),
  beforeFrom: day.optional(),
  beforeTo: day.optional(),
  since: moment.optional(),
  until: moment.optional(),
};

export interface AskedWhy {
  metric: Explained;
  period: Pick<Period, "name" | "label" | "from" | "to" | "days">;
  before: { from: string; to: string };
  since: string | undefined;
  campaignId: string | undefined;
  json: string;
}

/** What the address asks: by default the last seven whole days, against the seven before. */
export function readWhy({ query, today, zone }: Visit<typeof whyQuery>): AskedWhy {
  const { metric = "cpa", period: name, from, to, beforeFrom, beforeTo, since: then, until: later, ...whose } = query;
  const isUsual = name === undefined && from === undefined && to === undefined;
  const lastWeek = { from: addDays(today, -7), to: addDays(today, -1) };
  const period = readPeriod(isUsual ? lastWeek : { period: name, from, to }, today);
  const since = then === undefined ? undefined : instantOf(then, zone);
  const until = since === undefined || later === undefined ? undefined : instantOf(later, zone);
  const given = beforeFrom !== undefined && beforeTo !== undefined ? { from: beforeFrom, to: beforeTo } : undefined;
  const before = since === undefined ? (given ?? rangeBefore(period.from, period.to)) : period;
  const against =
    since === undefined
      ? { beforeFrom: before.from, beforeTo: before.to }
      : { since, ...(until === undefined ? {} : { until }) };
  return {
    ...{ metric, period, before, since, campaignId: whose.campaignId },
    json: jsonAddress("/api/v1/cost/why", { metric, from: period.from, to: period.to, ...against, ...whose }),
  };
}

function instantOf(text: string, zone: string): string {
  if (text.length > 16) return new Date(text).toISOString();
  return clockTime(text.slice(0, 10), Number(text.slice(11, 13)), Number(text.slice(14, 16)), zone).toISOString();
}

interface Of {
  metric: Explained;
  from: string;
  to: string;
  before: { from: string; to: string };
  whose?: { affiliateId?: string | null; affiliate?: string | null; sourceId?: string; campaignId?: string };
}

/** Where a change that a page shows is explained. */
export function whyAddress({ metric, from, to, before, whose = {} }: Of): string {
  const of =
    whose.affiliateId != null
      ? { affiliateId: whose.affiliateId }
      : whose.affiliate != null
        ? { affiliate: whose.affiliate }
        : {};
  return jsonAddress("/why", {
    ...{ metric, from, to, beforeFrom: before.from, beforeTo: before.to },
    ...of,
    sourceId: whose.sourceId,
    campaignId: whose.campaignId,
  });
}

/** What a period is now against what it was at a moment. */
export const whySinceAddress = (of: { metric: Explained; from: string; to: string; since: string }) =>
  jsonAddress("/why", of);
