import type { Session } from "../../schema/database.ts";

/** Who put campaigns: a caller of the API, or a file. */
export interface PutBy {
  actor: string;
  role: string | null;
}

export const byImport: PutBy = { actor: "import", role: null };

interface PutCampaign {
  client: string;
  campaignId: number;
  by: PutBy;
}

/** A name that was put is a person's, and stays. */
export async function recordRename(
  session: Session,
  { client, campaignId, by }: PutCampaign,
  { name, earlierName }: { name: string; earlierName: string },
): Promise<void> {
  await session.query(
    `insert into rtb.campaign_decisions (_client_id, actor, role, kind, campaign_id, name, earlier_name) values ($1, $2, $3, 'renamed', $4, $5, $6)`,
    [client, by.actor, by.role, campaignId, name, earlierName],
  );
}

/** A campaign whose creatives a person has named whole is their own from then on: clustering leaves it and them alone. */
export async function makeOwn(session: Session, { client, campaignId, by }: PutCampaign): Promise<void> {
  const own = await session.query(
    "update rtb.campaigns set anchor = null, named_by = 'person' where _client_id = $1 and campaign_id = $2 and anchor is not null",
    [client, campaignId],
  );
  const wasClustered = (own.rowCount ?? 0) > 0;
  // Also what was decided about it before: that puts nothing into it any more.
  await session.query(
    `insert into rtb.campaign_decisions (_client_id, actor, role, kind, campaign_id, name)
     select $1, $3, $4, 'replaced', $2, c.campaign_name from rtb.campaigns c
      where c._client_id = $1 and c.campaign_id = $2
        and ($5 or 'replaced' <> (select d.kind from rtb.campaign_decisions d
              where d._client_id = $1 and d.campaign_id = $2 and d.kind <> 'renamed' order by d.decision_id desc limit 1))`,
    [client, campaignId, by.actor, by.role, wasClustered],
  );
  if (wasClustered)
    await session.query(
      "update rtb.campaign_creatives set basis = null, variant_language = null, variant_format = null where _client_id = $1 and campaign_id = $2",
      [client, campaignId],
    );
}
