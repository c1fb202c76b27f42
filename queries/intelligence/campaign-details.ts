import type { Queryable } from "../../schema/database.ts";
import { nameSql } from "../rtb/creative-shapes.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export interface DecisionRow {
  decisionId: number;
  at: Date;
  actor: string;
  role: string | null;
  kind: "renamed" | "merged" | "split" | "moved" | "replaced";
  campaignId: number;
  fromCampaignId: number | null;
  name: string;
  earlierName: string | null;
  creatives: number;
}

/** What people decided, the last first; of one campaign where it is named, as what was decided or what creatives came from. */
export async function listDecisions(
  database: Queryable,
  of: { client: string; campaignId: number | null; after: number | null; limit: number },
): Promise<DecisionRow[]> {
  const { rows } = await database.query<DecisionRow>(
    `select decision_id as "decisionId", at, actor, role, kind, campaign_id as "campaignId", from_campaign_id as "fromCampaignId", name,
            earlier_name as "earlierName", cardinality(creatives) as creatives
       from rtb.campaign_decisions
      where _client_id = $1 and ($2::bigint is null or campaign_id = $2 or from_campaign_id = $2)
        and ($3::bigint is null or decision_id < $3)
      order by decision_id desc limit $4`,
    [of.client, of.campaignId, of.after, of.limit],
  );
  return rows;
}

export interface MemberRow {
  /** Our number for it. */
  id: string;
  creativeId: string;
  buyerId: string | null;
  format: string | null;
  width: number | null;
  height: number | null;
  canonicalSize: string | null;
  advertiserName: string | null;
  languages: string[] | null;
  approvalStatus: string | null;
  vanishedAt: Date | null;
  declaredClickUrls: unknown;
  destinationUrlsParsed: unknown;
  creativeAttributes: unknown;
  /** What joined it; null where a person put it there. */
  basis: string | null;
  variantLanguage: string | null;
  variantFormat: string | null;
  spend7d: string;
  spendAll: string;
}

/** By what they spent, or by who they are. */
export const memberOrders = {
  by: {
    spend7d: [{ sql: "coalesce(p.spend_7d, 0)", type: "number" }],
    spendAllTime: [{ sql: "coalesce(p.spend_all, 0)", type: "number" }],
    creativeId: [{ sql: "c.creative_id", type: "text" }],
    advertiserName: [{ sql: "c.advertiser_name", type: "text", canBeMissing: true }],
  },
  then: [{ sql: "c.id", type: "whole", always: "up" }],
  usual: "-spend7d",
} satisfies Orders;

/** The creatives of a campaign. */
export function listMembers(
  database: Queryable,
  { client, campaignId, order, limit }: { client: string; campaignId: number; order?: Order; limit: number },
): Promise<Placed<MemberRow>[]> {
  return readOrdered<MemberRow>(database, {
    columns: `c.id::text as id, c.creative_id as "creativeId", c.buyer_id as "buyerId", c.format, c.width, c.height, c.canonical_size as "canonicalSize",
            c.advertiser_name as "advertiserName", c.languages, c.approval_status as "approvalStatus", c.vanished_at as "vanishedAt",
            c.declared_click_urls as "declaredClickUrls", c.destination_urls_parsed as "destinationUrlsParsed", c.creative_attributes as "creativeAttributes", k.basis,
            k.variant_language as "variantLanguage", k.variant_format as "variantFormat",
            round(coalesce(p.spend_7d, 0), 2) as "spend7d", round(coalesce(p.spend_all, 0), 2) as "spendAll"`,
    from: `rtb.campaign_creatives k
       join rtb.creatives c on c._client_id = k._client_id and c.id = k.creative_id
       left join rtb.creative_performance p on p._client_id = k._client_id and p.creative_id = k.creative_id`,
    where: "k._client_id = :client and k.campaign_id = :campaignId",
    values: { client, campaignId },
    ...{ orders: memberOrders, order, limit },
  });
}

export interface VariantRow {
  language: string;
  format: string;
  creatives: number;
}

/** The variants below a campaign, the largest first; what a person put there is in none until the next run. */
export async function listVariants(
  database: Queryable,
  of: { client: string; campaignId: number },
): Promise<VariantRow[]> {
  const { rows } = await database.query<VariantRow>(
    `select variant_language as language, variant_format as format, count(*)::int as creatives from rtb.campaign_creatives
      where _client_id = $1 and campaign_id = $2 and variant_language is not null group by 1, 2 order by 3 desc, 1, 2`,
    [of.client, of.campaignId],
  );
  return rows;
}

export interface CampaignGrouping {
  campaignId: number;
  anchor: string | null;
  namedBy: "rules" | "model" | "person";
  confidence: number | null;
  modelConfidence: number | null;
  aiProvider: string | null;
}

export async function findGrouping(
  database: Queryable,
  of: { client: string; campaignId: number },
): Promise<CampaignGrouping | null> {
  const { rows } = await database.query<CampaignGrouping>(
    `select campaign_id as "campaignId", anchor, named_by as "namedBy", confidence_score as confidence, model_confidence as "modelConfidence",
            ai_provider as "aiProvider"
       from rtb.campaigns where _client_id = $1 and campaign_id = $2`,
    [of.client, of.campaignId],
  );
  return rows[0] ?? null;
}

/** What people call creatives by, of our numbers. */
export async function namesOf(
  database: Queryable,
  { client, ids }: { client: string; ids: readonly string[] },
): Promise<Map<string, string>> {
  const { rows } = await database.query<{ id: string; name: string }>(
    `select r.id::text as id, ${nameSql("r")} as name from rtb.creatives r where r._client_id = $1 and r.id = any($2::bigint[])`,
    [client, ids],
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}
