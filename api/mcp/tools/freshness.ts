import { z } from "zod";
import { addDays } from "../../../core/days.ts";
import { ApiError } from "../../server/errors.ts";
import { word } from "../../server/lists.ts";
import { finality, finalityWords, originWords, readFinality, sources } from "../finality.ts";
import { defineTool, range, rangeName, rangeOf, type Asking } from "../tool.ts";

const output = z.object({ from: z.string(), to: z.string(), finality, sources });

/** How complete each feed is. */
export const freshness = defineTool({
  name: "freshness",
  title: "Freshness",
  description:
    "How complete the data is: for every feed and day whether it is final, provisional, partial, failed or missing, why, when it was read and by which receipt, and which feeds are late. Ask this before you call a figure final.",
  roles: ["admin", "operator", "analyst"],
  outside: ["sources[].days[].reason"],
  input: z.strictObject({
    from: range.from.describe("the first day, YYYY-MM-DD; a week back when left out"),
    to: range.to.describe("the last day; today when left out"),
    feed: word.optional().describe("only this feed, such as redtrack.daily_spend"),
  }),
  output,
  answer: async (asking, { feed, ...asked }) => {
    const to = asked.to ?? asking.today;
    const of = rangeOf({ from: asked.from ?? addDays(to, -7), to }, asking.today);
    const read = await readFinality(asking, { ...of, ...(feed === undefined ? {} : { feeds: [feed] }) });
    if (feed !== undefined && read.sources.every(({ days }) => days.length === 0)) await assertFeed(asking, feed, of);
    const late = read.sources.flatMap((one) => (one.late === null ? [] : [one.feed]));
    return {
      summary: `${read.sources.length} feeds, ${rangeName(of)}: ${finalityWords(read.finality)}; late: ${late.length === 0 ? "none" : late.join(", ")}; ${originWords(read.sources)}.`,
      data: { ...of, ...read },
    };
  },
});

/** A misspelt feed was never read either: it must not look like one that is late. */
async function assertFeed(asking: Asking, feed: string, of: { from: string; to: string }): Promise<void> {
  const { sources: known } = await readFinality(asking, of);
  const names = known.map((one) => one.feed);
  if (!names.includes(feed)) throw new ApiError("not_found", `there is no such feed; there are ${names.join(", ")}`);
}
