import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { overviewPeriods, readLook, readOverview, type Overview } from "../../queries/overview/overview.ts";
import { perAffiliate, total } from "../cost/shapes.ts";
import { alert, toAlert } from "../ops/alerts.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, money, storedOrigin } from "../server/shapes.ts";
import { zoneOf } from "../server/zone.ts";

const day = z.string();
const known = money.nullable();
const at = z.object({
  date: day,
  hour: z.number().nullable().describe("of `time`"),
  time: z
    .string()
    .nullable()
    .describe(
      "when the running day was last read, by the feed's clock, and the same of the days beside it; 24:00 after the day's end; null: not read around it",
    ),
  receiptId: z.number().nullable(),
  between: z
    .tuple([z.string(), z.string()])
    .nullable()
    .describe(
      "where the day was not read at that time: the two readings that the amount lies between, by the share of the time",
    ),
  total: known,
});
const span = {
  name: z.enum(overviewPeriods),
  from: day,
  to: day,
  over: z.object({ from: day, to: day }).nullable().describe("the days of it that are over; null where none is"),
  before: z.object({ from: day, to: day }).describe("the same days of the period before"),
};
/** A row of the whole period, with what is compared. */
const compared = <Row extends z.ZodType>(row: Row) => ({
  over: row.nullable().describe("of the days that are over"),
  before: row.nullable().describe("of the same days of the period before"),
});
const days = z.array(day);
const overview = z.object({
  today: day.describe("by the client's calendar"),
  since: instant.describe("what restated is counted from here"),
  spend: z.object({
    timezone: z.string(),
    currency: z.string(),
    origin: storedOrigin,
    day: at,
    dayBefore: at,
    weekBefore: at,
    sources: z.array(
      z.object({
        sourceId: z.string(),
        sourceName: z.string().nullable(),
        cost: known,
        dayBefore: known,
        weekBefore: known,
        course: z.array(known).describe("cost of each of the 14 whole days before, the oldest first; null: not read"),
      }),
    ),
  }),
  periods: z.array(
    z.object({
      ...span,
      isFinal: z.boolean().describe("every day of spend and of statistics is final"),
      missingBefore: z.number().describe("days of the range before that a feed has nothing of"),
      totals: z.array(total.extend(compared(total))),
    }),
  ),
  affiliates: z.object({ ...span, items: z.array(perAffiliate.extend(compared(perAffiliate))) }),
  restated: z.array(
    z.object({
      source: z.string(),
      day,
      wasWhole: z.boolean().describe("the day was over when it was read before; false: it was still running"),
      before: money,
      after: money,
      change: money,
      rows: z.number(),
      receiptId: z.number(),
      origin: storedOrigin,
      changedAt: instant,
    }),
  ),
  open: z.array(
    z.object({
      source: z.string(),
      mapping: z.string().nullable().describe("of files of ad performance: how they are read"),
      touches: z.string().describe("the figures that it is part of"),
      late: z.string().nullable(),
      provisional: days,
      partial: days,
      failed: days,
      missing: days,
    }),
  ),
  alerts: z.object({ critical: z.number(), warning: z.number(), info: z.number(), latest: z.array(alert) }),
  attention: z
    .object({ high: z.number(), medium: z.number(), openDisputes: z.number(), waiting: z.number() })
    .describe("verdicts that a person should look at"),
});

/** The morning page as JSON. */
export function overviewRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  api.get(
    "/overview",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["overview"],
        summary:
          "What a morning wants to know: spend at this hour, results, what restated, what is late, alerts, verdicts",
        querystring: z.object({
          period: z.enum(overviewPeriods).default("yesterday").describe("whose affiliates are listed"),
          since: z.iso
            .datetime({ offset: true })
            .optional()
            .describe("by default when the caller last opened the morning page, or a day ago"),
        }),
        response: { 200: overview },
      },
    },
    async (request) => {
      const { client, subject } = callerOf(request);
      const { period, since: asked } = request.query;
      const since = asked === undefined ? await readLook(reading, { client, subject }) : new Date(asked);
      const now = new Date();
      const timezone = zoneOf(parts, client);
      const today = dayAt(now, timezone);
      const dayAgo = new Date(now.getTime() - 24 * 3_600_000);
      return shown(await readOverview(reading, { client, today, timezone, now, period, since: since ?? dayAgo }));
    },
  );
}

function shown({ since, restated, alerts, ...rest }: Overview): z.infer<typeof overview> {
  return {
    ...rest,
    since: since.toISOString(),
    restated: restated.map((row) => ({ ...row, changedAt: row.changedAt.toISOString() })),
    alerts: { ...alerts, latest: alerts.latest.map(toAlert) },
  };
}
