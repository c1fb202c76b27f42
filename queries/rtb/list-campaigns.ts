import type { Queryable } from "../../schema/database.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";
import { campaignColumns, type CampaignRow } from "./campaigns.ts";
import { apartFromState, stateSql, type SumsState } from "./metrics.ts";

export const campaignPeriods = ["7d", "30d", "all"] as const;
export type CampaignPeriod = (typeof campaignPeriods)[number];

/** By what a campaign spent, or by its name and ratios. */
export const campaignOrders = {
  by: {
    campaignName: [{ sql: "lower(c.campaign_name)", type: "text" }],
    confidenceScore: [{ sql: "c.confidence_score::numeric", type: "number", canBeMissing: true }],
    totalSpend7d: [{ sql: "c.total_spend_7d", type: "number" }],
    totalSpend30d: [{ sql: "c.total_spend_30d", type: "number" }],
    totalSpendAllTime: [{ sql: "c.total_spend_all_time", type: "number" }],
    avgCpc7d: [{ sql: "c.avg_cpc_7d", type: "number", canBeMissing: true }],
    avgCpm7d: [{ sql: "c.avg_cpm_7d", type: "number", canBeMissing: true }],
  },
  then: [{ sql: "c.campaign_id", type: "whole", always: "up" }],
  usual: "-totalSpend7d",
} satisfies Orders;

/** The greatest spend of a period first. */
export const bySpendOf: Record<CampaignPeriod, string> = {
  "7d": "-totalSpend7d",
  "30d": "-totalSpend30d",
  all: "-totalSpendAllTime",
};

export type ListedCampaign = Placed<CampaignRow>;

export async function listCampaigns(
  database: Queryable,
  { client, order, limit }: { client: string; order?: Order; limit: number },
): Promise<SumsState & { rows: (ListedCampaign & SumsState)[] }> {
  const rows = await readOrdered<CampaignRow & SumsState>(database, {
    columns: `v.*, ${campaignColumns("rtb.campaign_creatives k where k._client_id = c._client_id and k.campaign_id = c.campaign_id")}`,
    from: `rtb.campaigns c cross join ${stateSql(":client")} v`,
    ...{ where: "c._client_id = :client", values: { client }, orders: campaignOrders, order, limit },
  });
  if (rows.length > 0) return apartFromState(rows, "campaignId");
  const { rows: state } = await database.query<SumsState>(`select v.* from ${stateSql("$1")} v`, [client]);
  return { asOf: state[0]?.asOf ?? null, version: state[0]?.version ?? null, rows: [] };
}

export interface CampaignTotals extends SumsState {
  campaigns: number;
  creatives: number;
  spend7d: string;
  spend30d: string;
  spendAllTime: string;
}

/** All campaigns of a client. A creative that is in two of them is counted, and its spend added, once. */
export async function readCampaignTotals(database: Queryable, { client }: { client: string }): Promise<CampaignTotals> {
  const sum = (period: string) => `coalesce(round(sum(p.spend_${period}), 2), 0)::numeric(38, 2)`;
  const { rows } = await database.query<CampaignTotals>(
    `select v.*, (select count(*)::int from rtb.campaigns where _client_id = $1) as campaigns, t.*
       from ${stateSql("$1")} v cross join (
         select count(*)::int as creatives, ${sum("7d")} as "spend7d", ${sum("30d")} as "spend30d", ${sum("all")} as "spendAllTime"
           from (select distinct creative_id from rtb.campaign_creatives where _client_id = $1) k
           left join rtb.creative_performance p on p._client_id = $1 and p.creative_id = k.creative_id) t`,
    [client],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a sum has one row");
  return row;
}
