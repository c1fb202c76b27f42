import type { Queryable } from "../../schema/database.ts";

/** What a sealed interaction token is bound to: moved to another row, it opens nothing. */
export const tokenContext = ({ client, applicationId }: { client: string; applicationId: string }) =>
  `discord/${client}/${applicationId}`;

export async function findAffiliateOfDiscordUser(
  database: Queryable,
  { client, discordUserHash }: { client: string; discordUserHash: string },
): Promise<{ affiliateId: string; isActive: boolean } | null> {
  const { rows } = await database.query<{ affiliateId: string; isActive: boolean }>(
    `select affiliate_id::text as "affiliateId", is_active as "isActive" from recon.affiliates
      where _client_id = $1 and discord_user_hash = $2`,
    [client, discordUserHash],
  );
  return rows[0] ?? null;
}

/** By its id, which the suggestions send, or by a typed name; a name that several advertisers use names none. */
export async function findCampaignNamed(
  database: Queryable,
  { client, named }: { client: string; named: string },
): Promise<{ campaignId: string } | null> {
  const { rows } = await database.query<{ campaignId: string }>(
    `select campaign_id::text as "campaignId" from recon.campaigns
      where _client_id = $1 and (campaign_id::text = $2 or lower(name) = lower($2)) order by campaign_id::text = $2 desc limit 2`,
    [client, named],
  );
  const [found, other] = rows;
  if (found === undefined || (other !== undefined && found.campaignId !== named)) return null;
  return found;
}

/** Suggestions while a person types; Discord shows 25 at most. */
export async function listCampaignChoices(
  database: Queryable,
  { client, typed }: { client: string; typed: string },
): Promise<{ campaignId: string; name: string }[]> {
  const { rows } = await database.query<{ campaignId: string; name: string }>(
    `select campaign_id::text as "campaignId", name from recon.campaigns
      where _client_id = $1 and status = 'active' and strpos(lower(name), lower($2)) > 0 order by name limit 25`,
    [client, typed],
  );
  return rows;
}

export interface WaitingInteraction {
  applicationId: string;
  sealed: Buffer;
  isExpired: boolean;
}

export async function findInteraction(
  database: Queryable,
  { client, reportId }: { client: string; reportId: string },
): Promise<WaitingInteraction | null> {
  const { rows } = await database.query<WaitingInteraction>(
    `select application_id as "applicationId", sealed, expires_at <= now() as "isExpired" from recon.discord_interactions
      where _client_id = $1 and report_id = $2`,
    [client, reportId],
  );
  return rows[0] ?? null;
}

/** The one that was answered, and with it all that have expired. */
export async function deleteInteraction(
  database: Queryable,
  { client, reportId }: { client: string; reportId: string },
): Promise<void> {
  await database.query(
    "delete from recon.discord_interactions where (_client_id = $1 and report_id = $2) or expires_at <= now()",
    [client, reportId],
  );
}
