import type { Origin, StoredOrigin } from "../../core/origin.ts";
import { inTransaction, type Database, type Queryable, type Session } from "../../schema/database.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export interface CampaignRow {
  campaignId: string;
  advertiserId: string;
  name: string;
  startsOn: string | null;
  endsOn: string | null;
  status: string;
  platforms: string[];
  origin: StoredOrigin;
  createdAt: Date;
}

const columns = `campaign_id::text as "campaignId", advertiser_id as "advertiserId", name, starts_on as "startsOn", ends_on as "endsOn",
  status, origin, created_at as "createdAt",
  array(select platform from recon.campaign_platforms p where p._client_id = c._client_id and p.campaign_id = c.campaign_id order by platform) as platforms`;

export interface NewCampaign {
  client: string;
  advertiserId: string;
  name: string;
  startsOn: string | null;
  endsOn: string | null;
  platforms: readonly string[];
  origin: Origin;
}

/**
 * A campaign with its platforms, once per advertiser and name: the same again is the campaign there is, and `isNew`
 * distinguishes the two.
 */
export async function createCampaign(
  database: Database,
  campaign: NewCampaign,
): Promise<{ isNew: boolean; row: CampaignRow }> {
  const { client, advertiserId, name, startsOn, endsOn, platforms, origin } = campaign;
  return inTransaction(database, async (session) => {
    const { rows } = await session.query<{ campaignId: string }>(
      `insert into recon.campaigns (_client_id, advertiser_id, name, starts_on, ends_on, origin) values ($1, $2, $3, $4, $5, $6)
       on conflict on constraint campaigns_name do nothing returning campaign_id::text as "campaignId"`,
      [client, advertiserId, name, startsOn, endsOn, origin],
    );
    const campaignId = rows[0]?.campaignId;
    if (campaignId !== undefined) await assignPlatforms(session, { client, campaignId, platforms });
    const { rows: found } = await session.query<CampaignRow>(
      `select ${columns} from recon.campaigns c where _client_id = $1 and advertiser_id = $2 and name = $3`,
      [client, advertiserId, name],
    );
    const [row] = found;
    if (row === undefined) throw new Error("a campaign that was just written is not there");
    return { isNew: campaignId !== undefined, row };
  });
}

/** Whose campaigns: all of a client, or one advertiser's. */
export interface CampaignScope {
  client: string;
  advertiserId: string | null;
}

/** The oldest first, or by what a campaign is. */
export const campaignOrders = {
  by: {
    createdAt: [],
    name: [{ sql: "lower(c.name)", type: "text" }],
    advertiserId: [{ sql: "lower(c.advertiser_id)", type: "text" }],
    status: [{ sql: "c.status", type: "text" }],
    startsOn: [{ sql: "c.starts_on", type: "day", canBeMissing: true }],
    endsOn: [{ sql: "c.ends_on", type: "day", canBeMissing: true }],
  },
  then: [{ sql: "c.campaign_id", type: "whole" }],
  usual: "createdAt",
} satisfies Orders;

export function listCampaigns(
  database: Queryable,
  of: CampaignScope & { status?: string | undefined; order?: Order; limit: number },
): Promise<Placed<CampaignRow>[]> {
  const { client, advertiserId, status, order, limit } = of;
  return readOrdered<CampaignRow>(database, {
    ...{ columns, from: "recon.campaigns c" },
    where:
      "c._client_id = :client and (:advertiser::text is null or c.advertiser_id = :advertiser) and (:status::text is null or c.status = :status)",
    values: { client, advertiser: advertiserId, status: status ?? null },
    ...{ orders: campaignOrders, order, limit },
  });
}

export async function findCampaign(
  database: Queryable,
  { client, advertiserId, campaignId }: CampaignScope & { campaignId: string },
): Promise<CampaignRow | null> {
  const { rows } = await database.query<CampaignRow>(
    `select ${columns} from recon.campaigns c
      where _client_id = $1 and ($2::text is null or advertiser_id = $2) and campaign_id = $3`,
    [client, advertiserId, campaignId],
  );
  return rows[0] ?? null;
}

/** What a campaign runs on from now on; posts on a platform it left stay, and stay reconciled. */
export async function setCampaignPlatforms(
  database: Database,
  { client, campaignId, platforms }: { client: string; campaignId: string; platforms: readonly string[] },
): Promise<CampaignRow | null> {
  return inTransaction(database, async (session) => {
    const { rows } = await session.query<CampaignRow>(
      `update recon.campaigns c set updated_at = now() where _client_id = $1 and campaign_id = $2 returning ${columns}`,
      [client, campaignId],
    );
    if (rows[0] === undefined) return null;
    await session.query(
      "delete from recon.campaign_platforms where _client_id = $1 and campaign_id = $2 and platform <> all($3)",
      [client, campaignId, platforms],
    );
    await assignPlatforms(session, { client, campaignId, platforms });
    return findCampaign(session, { client, advertiserId: null, campaignId });
  });
}

async function assignPlatforms(
  session: Session,
  { client, campaignId, platforms }: { client: string; campaignId: string; platforms: readonly string[] },
): Promise<void> {
  // In one order, so that two campaigns made at once cannot wait for each other.
  await session.query(
    "insert into recon.platforms (_client_id, platform) select $1, name from unnest($2::text[]) name order by name on conflict do nothing",
    [client, platforms],
  );
  await session.query(
    `insert into recon.campaign_platforms (_client_id, campaign_id, platform)
     select $1, $2, name from unnest($3::text[]) name order by name on conflict do nothing`,
    [client, campaignId, platforms],
  );
}
