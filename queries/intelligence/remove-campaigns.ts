import type { Session } from "../../schema/database.ts";

/** Deletes campaigns that have no creatives any more, and settles what was noticed about their spend: nobody looks at it again. */
export async function removeCampaigns(
  session: Session,
  { client, campaignIds, notes }: { client: string; campaignIds: readonly (string | number)[]; notes: string },
): Promise<number> {
  if (campaignIds.length === 0) return 0;
  const { rowCount } = await session.query(
    "delete from rtb.campaigns where _client_id = $1 and campaign_id = any($2::bigint[])",
    [client, campaignIds],
  );
  const subjects = campaignIds.map((id) => `campaign/${id}`);
  await session.query(
    `update ops.alerts set resolved_at = now(), resolved_by = 'pipeline', notes = $3
      where _client_id = $1 and area = 'spend' and subject = any($2) and resolved_at is null`,
    [client, subjects, notes],
  );
  await session.query("delete from ops.rule_states where _client_id = $1 and entity = any($2)", [client, subjects]);
  return rowCount ?? 0;
}
