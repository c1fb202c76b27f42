import { z } from "zod";
import { rangeBefore } from "../../core/days.ts";
import { explainChanges, type ExplainedChange } from "../../queries/cost/why.ts";
import { explained, partNames } from "../../rules/cost/why.ts";
import { partWords, sayChange } from "../../rules/cost/why-words.ts";
import { allow, callerOf } from "../server/access.ts";
import { day, fewDays, inOrder, orderError, tooManyDays, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, money, storedOrigin, text } from "../server/shapes.ts";

/** Of conversions: whole, of the other figures to the cent. */
const figure = z.string().meta({
  anyOf: [
    { type: "string", pattern: "^-?\\d+\\.\\d{2}$" },
    { type: "string", pattern: "^-?\\d+$" },
  ],
});
const side = z
  .object({ clicks: z.number(), conversions: z.number(), cost: money, revenue: money })
  .describe("of the row; of a day that restated, the difference");
const share = z.object({
  amount: figure.describe("the row's share of the part"),
  date: text.describe("of restatement and lateness: the day"),
  isOfAfter: z.boolean().nullable().describe("of a day: true of the later period, false of the one before"),
  affiliateId: text,
  affiliate: text,
  basis: z
    .enum(["spend", "source", "payout", "results"])
    .nullable()
    .describe(
      "spend: a source of an internal affiliate; source: a source by Redtrack's own results; payout: an offer of an external affiliate; results: of an internal one",
    ),
  leaf: text.describe("the Redtrack source, or advertiser/offer in Everflow; null: all of the affiliate"),
  leafName: text,
  before: side,
  after: side,
});
const bridge = z.object({
  metric: z.enum(explained),
  currency: z.string(),
  origin: storedOrigin,
  before: figure.nullable(),
  after: figure.nullable(),
  change: figure.nullable().describe("after less before; the parts add up to it"),
  note: text.describe("why there is no change to explain"),
  says: text.describe("the change and its parts as a sentence"),
  parts: z.array(
    z.object({
      part: z.enum(partNames).describe(partNames.map((name) => `${name}: ${partWords[name].meaning}`).join(" ")),
      amount: figure,
      shares: z.array(share).describe("the rows that the part is made of, the greatest first; they add up to it"),
    }),
  ),
});

const whoseQuery = {
  affiliateId: word.optional(),
  affiliate: word.optional().describe("of spend without an affiliate id: by the name in the mapping"),
  sourceId: word.optional().describe("one Redtrack source, by its own clicks, conversions and revenue"),
  campaignId: word.optional().describe("one Redtrack campaign, likewise: Everflow does not know Redtrack's campaigns"),
};
const isOfOne = (of: { [Name in keyof typeof whoseQuery]?: string | undefined }) =>
  [of.affiliateId, of.affiliate, of.sourceId, of.campaignId].filter((one) => one !== undefined).length < 2;
const ofOneError = {
  path: ["affiliateId"],
  error: "must be the only one of affiliateId, affiliate, sourceId and campaignId",
};

const moment = z.iso.datetime({ offset: true });
const query = z
  .object({
    metric: z.enum(explained).optional().describe("all of them when left out"),
    from: day,
    to: day,
    beforeFrom: day.optional().describe("the period to compare with; as many days before when left out"),
    beforeTo: day.optional(),
    since: moment
      .optional()
      .describe("compares the period with itself as it was known at this moment, instead of with another"),
    until: moment.optional().describe("with `since`: as it was known then; now when left out"),
    ...whoseQuery,
  })
  .refine(inOrder, orderError)
  .refine(fewDays, tooManyDays)
  .refine(({ beforeFrom, beforeTo }) => (beforeFrom === undefined) === (beforeTo === undefined), {
    path: ["beforeFrom"],
    error: "must be given with `beforeTo`",
  })
  .refine(({ beforeFrom: from, beforeTo: to }) => inOrder({ from, to }), {
    path: ["beforeFrom"],
    error: "must not be after `beforeTo`",
  })
  .refine(({ beforeFrom: from, beforeTo: to }) => from === undefined || to === undefined || fewDays({ from, to }), {
    ...tooManyDays,
    path: ["beforeFrom"],
  })
  .refine(({ since, beforeFrom }) => since === undefined || beforeFrom === undefined, {
    path: ["since"],
    error: "must not be given with `beforeFrom`",
  })
  .refine(({ since, until }) => until === undefined || (since !== undefined && new Date(since) <= new Date(until)), {
    path: ["until"],
    error: "must come with an earlier `since`",
  })
  .refine(isOfOne, ofOneError);

/** Why figures changed: between two periods, or of one period between two looks at it. */
export function whyRoutes(api: Api, { reading }: ServerParts): void {
  api.get(
    "/why",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["cost"],
        summary:
          "Why CPA, cost, conversions, revenue or margin changed: restatement, days not final, mix, price and conversion rate, which add up to the change to the cent",
        querystring: query,
        response: {
          200: z.object({
            from: z.string(),
            to: z.string(),
            before: z.object({ from: z.string(), to: z.string() }),
            since: instant.nullable(),
            until: instant.nullable(),
            items: z.array(bridge).describe("per figure and currency; what the sandbox made up is apart"),
          }),
        },
      },
    },
    async (request) => {
      const { metric, from, to, beforeFrom, beforeTo, since, until, ...whose } = request.query;
      const own = { from, to };
      const before =
        since !== undefined
          ? own
          : beforeFrom === undefined || beforeTo === undefined
            ? rangeBefore(from, to)
            : { from: beforeFrom, to: beforeTo };
      const looks = {
        seenBefore: since === undefined ? undefined : new Date(since),
        seen: until === undefined ? undefined : new Date(until),
      };
      const items = await explainChanges(
        reading,
        { client: callerOf(request).client, ...own, before, ...looks, ...whose },
        metric === undefined ? explained : [metric],
      );
      return {
        ...own,
        before,
        since: looks.seenBefore?.toISOString() ?? null,
        until: looks.seen?.toISOString() ?? null,
        items: items.map(toBridge),
      };
    },
  );
}

function toBridge(change: ExplainedChange): z.input<typeof bridge> {
  const sideOf = ({
    clicks,
    conversions,
    cost,
    revenue,
  }: Record<"clicks" | "conversions" | "cost" | "revenue", string>) => ({
    clicks: Number(clicks),
    conversions: Number(conversions),
    cost,
    revenue,
  });
  return {
    ...change,
    says: sayChange(change),
    parts: change.parts.map(({ shares, ...part }) => ({
      ...part,
      shares: shares.map(({ before, after, ...of }) => ({ ...of, before: sideOf(before), after: sideOf(after) })),
    })),
  };
}
