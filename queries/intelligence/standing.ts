import { foldDecisions, type Decision } from "../../rules/intelligence/fold-decisions.ts";
import type { Standing } from "../../rules/intelligence/cluster.ts";
import type { KnownCampaign } from "../../rules/intelligence/keep-campaigns.ts";
import type { Queryable } from "../../schema/database.ts";
import { isDescribed } from "./catalogue.ts";

/** Creatives that a person has put into a campaign of their own: clustering leaves both alone. */
export async function readTaken(database: Queryable, { client }: { client: string }): Promise<Set<string>> {
  const { rows } = await database.query<{ id: string }>(
    `select distinct k.creative_id::text as id
       from rtb.campaign_creatives k join rtb.campaigns c using (_client_id, campaign_id)
      where k._client_id = $1 and c.anchor is null`,
    [client],
  );
  return new Set(rows.map(({ id }) => id));
}

/** What stands before a run: the campaigns that clustering keeps, and what people decided. */
export async function readStanding(database: Queryable, { client }: { client: string }): Promise<Standing> {
  const [{ rows: campaigns }, { rows: made }] = [
    await database.query<Omit<KnownCampaign, "anchor"> & { anchor: string | null }>(
      `select c.campaign_id::text as id, c.anchor, c.campaign_name as name, c.named_by as "namedBy",
              array(select k.creative_id::text from rtb.campaign_creatives k
                     where k._client_id = c._client_id and k.campaign_id = c.campaign_id order by k.creative_id) as members
         from rtb.campaigns c where c._client_id = $1 order by c.campaign_id`,
      [client],
    ),
    await database.query<Decision>(
      `select kind, campaign_id::text as "campaignId", from_campaign_id::text as "fromCampaignId", anchors, creatives::text[] as creatives
         from rtb.campaign_decisions where _client_id = $1 order by decision_id`,
      [client],
    ),
  ];
  const decisions = foldDecisions(made);
  const led = new Set(decisions.anchors.values());
  const known = campaigns.flatMap(({ anchor, ...campaign }): KnownCampaign[] => {
    if (anchor !== null) return [{ ...campaign, anchor }];
    // A person's own takes part where a person led others to it; what it has is not grouped again.
    return led.has(campaign.id)
      ? [{ ...campaign, anchor: ownAnchor(campaign.id), namedBy: "person", members: [] }]
      : [];
  });
  const isKnown = new Set(known.map(({ id }) => id));
  return {
    known,
    decisions,
    holding: await readHolding(database, { client }),
    otherNames: campaigns.filter(({ id }) => !isKnown.has(id)).map(({ name }) => name),
  };
}

/** Campaigns with creatives that cannot be grouped: a person put them there, and no run empties them. */
async function readHolding(database: Queryable, { client }: { client: string }): Promise<Set<string>> {
  const { rows } = await database.query<{ id: string }>(
    `select distinct k.campaign_id::text as id from rtb.campaign_creatives k
       join rtb.creatives c on c._client_id = k._client_id and c.id = k.creative_id
      where k._client_id = $1 and (${isDescribed}) is not true`,
    [client],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Of a campaign that a person made: no group is about it. */
export const ownAnchor = (campaignId: string | number) => `person:${campaignId}`;
