import { z } from "zod";
import {
  campaignOrders,
  createCampaign,
  findCampaign,
  listCampaigns,
  setCampaignPlatforms,
  type CampaignRow,
} from "../../queries/recon/campaigns.ts";
import { allow, callerOf, type Caller } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { day, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { whileAwake } from "../server/whole-transaction.ts";
import { givenOrigin, id, link, linkTo, platformName, tags } from "./shapes.ts";
import { instant, nameText, storedOrigin, text } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst", "advertiser");
const keepers = allow("admin", "operator");

const platformNames = z
  .array(platformName)
  .min(1)
  .max(platformName.options.length)
  .transform((names) => [...new Set(names)].sort());

const campaignStatus = z.enum(["active", "paused", "ended"]);
export const campaign = z.object({
  campaignId: z.string(),
  advertiserId: z.string(),
  name: z.string(),
  startsOn: text,
  endsOn: text,
  status: campaignStatus,
  platforms: z.array(z.string()),
  origin: storedOrigin,
  createdAt: instant,
  dashboard: link,
});

const newCampaign = z
  .object({
    name: nameText,
    advertiserId: word,
    platforms: platformNames,
    startsOn: day.nullish(),
    endsOn: day.nullish(),
    origin: givenOrigin,
  })
  .refine(({ startsOn, endsOn }) => startsOn == null || endsOn == null || startsOn <= endsOn, {
    path: ["startsOn"],
    error: "must not be after `endsOn`",
  });

/** What affiliates may post for, and on which platforms. */
export function campaignRoutes(api: Api, parts: ServerParts): void {
  createRoute(api, parts);
  readRoutes(api, parts);
  platformsRoute(api, parts);
}

function createRoute(api: Api, { reading, database }: ServerParts): void {
  api.post(
    "/campaigns",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Creates a campaign with its platforms, once per advertiser and name",
        body: newCampaign,
        response: { 200: campaign.describe("the same campaign existed already"), 201: campaign },
      },
    },
    async (request, reply) => {
      const { name, advertiserId, platforms, startsOn = null, endsOn = null, origin } = request.body;
      const wanted = { client: callerOf(request).client, name, advertiserId, platforms, startsOn, endsOn, origin };
      const { isNew, row } = await whileAwake(reading, createCampaign(database, wanted));
      if (isNew) return reply.code(201).send(toCampaign(row));
      const same =
        row.startsOn === startsOn && row.endsOn === endsOn && row.platforms.join(",") === platforms.join(",");
      if (!same)
        throw new ApiError("conflict", "the advertiser has another campaign of this name", {
          name: `is campaign ${row.campaignId}`,
        });
      return reply.code(200).send(toCampaign(row));
    },
  );
}

function readRoutes(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/campaigns", {
    config: readers,
    tags,
    summary: "Campaigns, the oldest first; an advertiser sees its own",
    querystring: paging.extend({ status: campaignStatus.optional(), sort: sortIn(campaignOrders) }),
    item: campaign,
    orders: campaignOrders,
    read: ({ filter: { status }, order, limit }, request) =>
      listCampaigns(reading, { ...ownerOf(callerOf(request)), status, order, limit }),
    toItem: toCampaign,
  });

  api.get(
    "/campaigns/:id",
    {
      config: readers,
      schema: { tags, summary: "One campaign", params: z.object({ id }), response: { 200: campaign } },
    },
    async (request) => {
      const found = await findCampaign(reading, { ...ownerOf(callerOf(request)), campaignId: request.params.id });
      if (found === null) throw notFound("campaign");
      return toCampaign(found);
    },
  );
}

function platformsRoute(api: Api, { reading, database }: ServerParts): void {
  api.put(
    "/campaigns/:id/platforms",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Sets the platforms of a campaign from now on; posts on other platforms stay",
        params: z.object({ id }),
        body: z.object({ platforms: platformNames }),
        response: { 200: campaign },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { platforms } = request.body;
      const set = setCampaignPlatforms(database, { client, campaignId: request.params.id, platforms });
      const row = await whileAwake(reading, set);
      if (row === null) throw notFound("campaign");
      return toCampaign(row);
    },
  );
}

/** Whose campaigns a token may see. */
export function ownerOf({ client, role, advertiser }: Caller): { client: string; advertiserId: string | null } {
  return { client, advertiserId: role === "advertiser" ? (advertiser ?? "") : null };
}

function toCampaign(row: CampaignRow): z.infer<typeof campaign> {
  return {
    ...row,
    status: row.status as z.infer<typeof campaignStatus>,
    createdAt: row.createdAt.toISOString(),
    dashboard: linkTo(`/dashboard/campaigns/${row.campaignId}`),
  };
}
