import { z } from "zod";
import { platformNames } from "../../../connectors/platforms/addresses.ts";
import { overview } from "../../recon/dashboard.ts";
import { id, levelName, report, verdictName } from "../../recon/shapes.ts";
import { claimTotals } from "../../recon/submissions.ts";
import { placeInList } from "../../server/lists.ts";
import { defineTool } from "../tool.ts";

const staff = ["admin", "operator", "analyst", "advertiser"] as const;

const settled = z
  .enum(["final", "provisional", "missing"])
  .describe("final: judged, and not disputed; provisional: judged and disputed; missing: no verdict yet");
const item = report.extend({
  finality: settled,
  source: z.string().nullable().describe("whose numbers the verdict goes by, and when they were compared"),
});
const list = z.object({
  totals: claimTotals.describe("of all under the same filters"),
  items: z.array(item).describe("the newest first"),
  next: z.string().nullable().describe("give it as `cursor` for the next page"),
  finality: z.object({ isFinal: z.boolean(), waiting: z.number(), openDisputes: z.number() }),
});
type Report = z.infer<typeof report>;

/** What affiliates claim, and what the platforms say. */
export const verdicts = defineTool({
  name: "verdicts",
  title: "Verdicts on claims",
  description:
    "What affiliates claimed for their posts, what the platform says, and the verdict. An advertiser sees its own campaigns, an affiliate its own claims.",
  roles: staff,
  affiliates: true,
  outside: ["campaignName", "affiliateName", "url", "dispute.reason", "dispute.notes"].map(
    (field) => `items[].${field}`,
  ),
  input: z.strictObject({
    affiliate: id.optional(),
    campaign: id.optional(),
    post: id.optional(),
    platform: z.enum(platformNames).optional(),
    verdict: verdictName.optional(),
    level: levelName.optional().describe("how far a claim is beyond what the platform shows"),
    disputed: z.boolean().optional().describe("true: with an open dispute"),
    judged: z.boolean().optional().describe("whether there is a verdict"),
    limit: z.int().min(1).max(100).default(20),
    cursor: placeInList,
  }),
  output: list,
  answer: async (asking, { limit, cursor, ...filters }) => {
    const [page, all] = await Promise.all([
      asking.get<{ items: Report[]; next: string | null }>("/api/v1/recon/submissions", { ...filters, limit, cursor }),
      asking.get<z.infer<typeof claimTotals>>("/api/v1/recon/submissions/totals", filters),
    ]);
    const { waiting, openDisputes } = all;
    return {
      summary: `${all.claims} claims for ${all.posts} posts: ${all.matched} matched, ${all.tooHigh} too high (${all.farTooHigh} by far), ${waiting} without a verdict, ${openDisputes} disputed.`,
      data: {
        totals: all,
        items: page.items.map((one) => ({ ...one, finality: finalityOf(one), source: sourceOf(one) })),
        next: page.next,
        finality: { isFinal: waiting === 0 && openDisputes === 0, waiting, openDisputes },
      },
    };
  },
});

function finalityOf({ verdict, dispute }: Report): z.infer<typeof settled> {
  if (verdict === null) return "missing";
  return dispute !== null && dispute.outcome === null ? "provisional" : "final";
}

const sourceOf = ({ platform, verdict }: Report) =>
  verdict === null
    ? null
    : `${platform}, ${verdict.origin === "sandbox" ? "a mock server's numbers" : `${verdict.origin} numbers`}, compared at ${verdict.at}; entry ${verdict.logId} of the reconciliation log`;

const trustList = z.object({
  items: z.array(overview).describe("the least trusted first"),
  next: z.string().nullable().describe("give it as `cursor` for the next page"),
});

/** Whose claims hold. */
export const trust = defineTool({
  name: "trust",
  title: "Trust in affiliates",
  description:
    "Affiliates by how far their claims can be believed, the least trusted first: the share of their posts of which no claim was found too high, and how their reports were judged.",
  roles: staff,
  outside: ["items[].name"],
  input: z.strictObject({ limit: z.int().min(1).max(100).default(20), cursor: placeInList }),
  output: trustList,
  answer: async (asking, asked) => {
    const page = await asking.get<z.infer<typeof trustList>>("/api/v1/recon/dashboard/affiliates", asked);
    const doubted = page.items.filter((one) => one.trust < 1).length;
    return {
      summary: `${page.items.length} affiliates on this page, the least trusted first; ${doubted} of them with a claim that was found too high. Trust counts final verdicts only.`,
      data: page,
    };
  },
});
