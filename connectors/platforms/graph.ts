import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { classifyMeta } from "../destinations/meta.ts";
import { ConnectorError } from "../errors.ts";
import type { Http } from "../http.ts";
import type { AnswerHeaders, Quota, Refusal } from "../source.ts";

/** Meta's Graph API, as its platforms share it. */
export const graphVersion = z
  .string()
  .regex(/^v\d+\.\d+$/, "must look like v26.0")
  .default("v26.0")
  .meta(about("The version of Meta's Graph API.", { clients: "shared" }));

/** Never in the query: addresses are logged by everybody on the way. */
export const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token ?? ""}` });

/** Code 10 stands for a missing permission, and for a post that too few people have seen: only its message says which. */
export const tooFewViewers = "10/viewers";
/** The object is unknown, or closed to this token: Meta does not say which. */
export const unknownObject = "100/33";
/** Posted before the account became a professional one: there will never be numbers. */
export const beforeProfessional = "100/2108006";

export function classifyGraph(status: number, body: unknown): Refusal {
  const refusal = classifyMeta(status, body);
  if (refusal.code !== undefined && /^10(\/|$)/.test(refusal.code) && /not enough viewers/i.test(refusal.message))
    return { ...refusal, kind: "rejected", code: tooFewViewers };
  // 803: an alias, or an id that is none.
  if (refusal.code === "803") return { ...refusal, code: unknownObject };
  return refusal;
}

const percent = z.number().min(0).max(10_000);
const appUsage = z.object({
  call_count: percent.catch(0),
  total_cputime: percent.catch(0),
  total_time: percent.catch(0),
});
const businessUsage = z.record(
  z.string(),
  z.array(appUsage.extend({ estimated_time_to_regain_access: z.number().min(0).catch(0) })),
);
const accountUsage = z.object({ acc_id_util_pct: percent.catch(0), reset_time_duration: z.number().min(0).catch(0) });
const insightsThrottle = z.object({ app_id_util_pct: percent.catch(0), acc_id_util_pct: percent.catch(0) });

/** Where Meta's own clients begin to hold back. */
const nearlySpentPercent = 95;
const holdBackMs = 60_000;
/** What is longer we ask about again in between. */
const longestWaitMs = 15 * 60_000;

/** What Meta says of a quota stands in four headers, one in minutes and one in seconds; the scarcest counts. */
export function graphQuota(headers: AnswerHeaders): Quota | null {
  const read = <Shape>(name: string, shape: z.ZodType<Shape>): Shape | null => {
    try {
      return shape.parse(JSON.parse(headers.get(name) ?? "null"));
    } catch {
      return null;
    }
  };
  const spent: { percent: number; regainMs: number }[] = [];
  const worst = (usage: z.output<typeof appUsage>) => Math.max(usage.call_count, usage.total_cputime, usage.total_time);
  const app = read("x-app-usage", appUsage);
  if (app !== null) spent.push({ percent: worst(app), regainMs: 0 });
  for (const usage of Object.values(read("x-business-use-case-usage", businessUsage) ?? {}).flat())
    spent.push({ percent: worst(usage), regainMs: usage.estimated_time_to_regain_access * 60_000 });
  const account = read("x-ad-account-usage", accountUsage);
  if (account !== null) {
    // The time until the count is reset is always sent; it is a wait only when all is used.
    const isSpent = account.acc_id_util_pct >= nearlySpentPercent;
    spent.push({ percent: account.acc_id_util_pct, regainMs: isSpent ? account.reset_time_duration * 1_000 : 0 });
  }
  const throttle = read("x-fb-ads-insights-throttle", insightsThrottle);
  if (throttle !== null)
    spent.push({ percent: Math.max(throttle.app_id_util_pct, throttle.acc_id_util_pct), regainMs: 0 });
  if (spent.length === 0) return null;
  const used = Math.max(...spent.map((one) => one.percent));
  const regainMs = Math.max(...spent.map((one) => one.regainMs));
  const waitMs = regainMs > 0 ? regainMs : used >= nearlySpentPercent ? holdBackMs : 0;
  return {
    waitMs: Math.min(waitMs, longestWaitMs),
    used: { percent: Math.min(100, Math.round(used)), resetsInMs: regainMs > 0 ? regainMs : null },
  };
}

const graphPage = z.object({
  data: z.array(z.unknown()),
  paging: z
    .object({
      cursors: z
        .object({ after: z.string().min(1).optional().catch(undefined) })
        .optional()
        .catch(undefined),
      next: z.string().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

export interface GraphPage {
  items: unknown[];
  /** Where the next page begins; null on the last. */
  after: string | null;
}

export interface GraphAsk {
  http: Http;
  path: string;
  query: Record<string, string | number>;
  token: string | undefined;
  after?: string | null;
}

/** One page of a list. The next one's address is built by us: the one Meta offers has the token in it. */
export async function readGraphPage({ http, path, query, token, after = null }: GraphAsk): Promise<GraphPage> {
  const answer = await http.json({
    path,
    query: { ...query, ...(after === null ? {} : { after }) },
    headers: bearer(token),
  });
  const page = graphPage.safeParse(answer);
  if (!page.success) throw new ConnectorError("malformed", `${path.split("/").at(-1)} answered no list`);
  const { data, paging } = page.data;
  // Cursors are also there on the last page; that there is a next one says `next` alone.
  const next = paging?.next === undefined ? null : (paging.cursors?.after ?? null);
  if (next !== null && next === after)
    throw new ConnectorError("malformed", `${path.split("/").at(-1)} offers the same page as the next one`);
  return { items: data, after: next };
}
