import { z } from "zod";
import { nameOf } from "../../core/person-text.ts";
import {
  DecisionProblem,
  mergeCampaigns,
  moveCreatives,
  renameCampaign,
  setGenre,
  splitCampaign,
  type DecisionBy,
} from "../../queries/intelligence/decide.ts";
import type { AuditAction } from "../../queries/ops/audit.ts";
import { CampaignProblem } from "../../queries/rtb/campaigns.ts";
import { sqlState, type Session } from "../../schema/database.ts";
import { creativeReference } from "../rtb/shapes.ts";
import { allow } from "../server/access.ts";
import { actorOf, audited } from "../server/audited.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { number } from "../server/shapes.ts";

const keepers = allow("admin", "operator");
const mostNamed = 20_000;
const mostMerged = 200;
const bodyLimit = 8_388_608;
const lockNotAvailable = "55P03";

/** As long as a name of the rules may be. */
const name = nameOf({ least: 3, most: 80 }).regex(/\p{L}/u, "needs a letter");
/** As long as one of CLUSTER_GENRES may be. */
const genre = nameOf({ least: 2, most: 30 }).regex(/\p{L}/u, "needs a letter");
const creatives = z
  .array(creativeReference)
  .min(1)
  .max(mostNamed)
  .describe("ids; buyers/SEAT/creatives/ID where several seats have one of that id");
const params = z.object({ id: number });
const decided = z.object({
  changed: z.boolean().describe("false where it was so before"),
  campaignId: z.number().describe("where the creatives are now"),
  creatives: z.number().describe("how many creatives the decision is about"),
});

/** What people decide about campaigns. Each decision is kept, and clustering follows it from then on. */
export function decisionRoutes(api: Api, parts: ServerParts): void {
  changeRoute(api, parts);
  mergeRoute(api, parts);
  splitRoute(api, parts);
  moveRoute(api, parts);
}

interface Deciding<Result extends { changed: boolean }> {
  action: AuditAction;
  decide: (session: Session, by: DecisionBy) => Promise<Result>;
  /** What the audit log says of it. */
  entry: (result: Result) => { subject: string; details: Record<string, unknown> };
}

async function decide<Result extends { changed: boolean }>(
  parts: ServerParts,
  request: Parameters<typeof audited>[1],
  { action, decide: act, entry }: Deciding<Result>,
): Promise<Result> {
  try {
    return await audited(parts, request, async (session, record) => {
      // Whatever else comes out of a transaction is taken for a database that does not answer.
      const result = await act(session, actorOf(request)).catch((error: unknown) => {
        throw refusalOf(error);
      });
      if (result.changed) await record(session, { action, ...entry(result) });
      return result;
    });
  } catch (error) {
    if (sqlState(error) === lockNotAvailable)
      throw new Unavailable("a file of this client is being merged; try again soon", error);
    throw error;
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof CampaignProblem)
    return new ApiError("validation_error", "body is not valid", { creatives: error.message });
  if (!(error instanceof DecisionProblem)) return error;
  switch (error.kind) {
    case "unknown_campaign":
      return notFound("campaign");
    case "merged_away":
    case "name_taken":
      return new ApiError("conflict", error.message);
    default:
      return new ApiError("validation_error", error.message);
  }
}

function changeRoute(api: Api, parts: ServerParts): void {
  api.patch(
    "/campaigns/:id",
    {
      config: keepers,
      schema: {
        tags: ["campaigns"],
        summary: "Renames a campaign or sets its genre; both stay, whatever is grouped later",
        params,
        body: z
          .strictObject({
            name: name.optional(),
            genre: genre.nullable().optional().describe("null gives it back to the next grouping"),
          })
          .refine((given) => given.name !== undefined || given.genre !== undefined, {
            path: ["name"],
            error: "is missing: give a name or a genre",
          }),
        response: { 200: decided },
      },
    },
    async (request) => {
      const { id: campaignId } = request.params;
      const { name: to, genre: kind } = request.body;
      const subject = `campaign/${campaignId}`;
      const renamed =
        to === undefined
          ? null
          : await decide(parts, request, {
              action: "campaign_renamed",
              decide: (session, by) => renameCampaign(session, by, { campaignId, name: to }),
              entry: ({ earlierName }) => ({ subject, details: { from: earlierName, to } }),
            });
      if (kind === undefined && renamed !== null) return renamed;
      const set = await decide(parts, request, {
        action: "campaign_genre_set",
        decide: (session, by) => setGenre(session, by, { campaignId, genre: kind ?? null }),
        entry: ({ earlierGenre }) => ({ subject, details: { from: earlierGenre, to: kind ?? null } }),
      });
      return { ...set, changed: set.changed || renamed?.changed === true };
    },
  );
}

function mergeRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/campaigns/:id/merge",
    {
      config: keepers,
      schema: {
        tags: ["campaigns"],
        summary: "Merges other campaigns into this one; what is found later about them goes there, too",
        params,
        body: z.strictObject({
          from: z.array(number).min(1).max(mostMerged).describe("the campaigns that this one takes the place of"),
        }),
        response: { 200: decided },
      },
    },
    async (request) => {
      const { id: campaignId } = request.params;
      const { from } = request.body;
      return decide(parts, request, {
        action: "campaigns_merged",
        decide: (session, by) => mergeCampaigns(session, by, { campaignId, from }),
        entry: (result) => ({
          subject: `campaign/${campaignId}`,
          details: { from, creatives: result.creatives },
        }),
      });
    },
  );
}

function splitRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/campaigns/:id/split",
    {
      config: keepers,
      bodyLimit,
      schema: {
        tags: ["campaigns"],
        summary: "Puts some creatives of a campaign into a new one, whose number is answered",
        params,
        body: z.strictObject({ name, creatives }),
        response: { 200: decided },
      },
    },
    async (request) => {
      const { id: campaignId } = request.params;
      return decide(parts, request, {
        action: "campaign_split",
        decide: (session, by) => splitCampaign(session, by, { campaignId, ...request.body }),
        entry: (result) => ({
          subject: `campaign/${campaignId}`,
          details: { into: result.campaignId, name: request.body.name, creatives: result.creatives },
        }),
      });
    },
  );
}

function moveRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/campaigns/:id/move",
    {
      config: keepers,
      bodyLimit,
      schema: {
        tags: ["campaigns"],
        summary: "Moves some creatives of a campaign into another one, where they stay",
        params,
        body: z.strictObject({ to: number.describe("the campaign that they go to"), creatives }),
        response: { 200: decided },
      },
    },
    async (request) => {
      const { id: campaignId } = request.params;
      return decide(parts, request, {
        action: "creatives_moved",
        decide: (session, by) => moveCreatives(session, by, { campaignId, ...request.body }),
        entry: (result) => ({
          subject: `campaign/${campaignId}`,
          details: { to: result.campaignId, creatives: result.creatives },
        }),
      });
    },
  );
}
