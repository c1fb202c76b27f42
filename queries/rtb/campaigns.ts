import type { Origin, StoredOrigin } from "../../core/origin.ts";
import { readCreativeName } from "../../rules/rtb/creative-names.ts";
import { type Database, inTransaction, prepared, type Queryable, type Session } from "../../schema/database.ts";
import { nameSql } from "./creative-shapes.ts";
import { comparedSql, daysOf, percentSql, ratioSql, stateSql, type Figures, type SumsState } from "./metrics.ts";
import { byImport, makeOwn, recordRename, type PutBy } from "./put-decisions.ts";
import { lockPerformance, refreshCampaigns, type Period } from "./rollups.ts";

/** A campaign with its aggregates as they were last computed: sums rounded to the cent, ratios of sums with four places. */
export interface CampaignRow {
  campaignId: number;
  campaignName: string;
  confidenceScore: number | null;
  aiProvider: string | null;
  /** Who named it. */
  namedBy: "rules" | "model" | "person";
  /** How sure a model said it is; not calibrated. */
  modelConfidence: number | null;
  /** Clustering keeps it up to date; else it is as people made it. */
  isClustered: boolean;
  genre: string | null;
  /** A person set it. */
  isGenrePersons: boolean;
  creatives: number;
  totalSpend7d: string;
  totalSpend30d: string;
  totalSpendAllTime: string;
  avgCpc7d: string | null;
  avgCpm7d: string | null;
  topGeography: string | null;
  topDeviceType: string | null;
  lastPerformanceUpdate: Date | null;
  createdAt: Date;
  origin: StoredOrigin;
}

export const campaignColumns = (
  creatives: string,
) => `c.campaign_id as "campaignId", c.campaign_name as "campaignName", c.confidence_score as "confidenceScore", c.ai_provider as "aiProvider",
  c.named_by as "namedBy", c.model_confidence as "modelConfidence", c.anchor is not null as "isClustered", c.genre, c.is_genre_persons as "isGenrePersons",
  (select count(*) from ${creatives}) as creatives,
  round(c.total_spend_7d, 2) as "totalSpend7d", round(c.total_spend_30d, 2) as "totalSpend30d", round(c.total_spend_all_time, 2) as "totalSpendAllTime",
  round(c.avg_cpc_7d, 4) as "avgCpc7d", round(c.avg_cpm_7d, 4) as "avgCpm7d", c.top_geography as "topGeography", c.top_device_type as "topDeviceType",
  c.last_performance_update as "lastPerformanceUpdate", c.created_at as "createdAt", c.origin`;

export type GeographyFigures = Figures & {
  /** Null where the files do not say. */
  geography: string | null;
  /** Of the campaign's spend, in percent; null without spend. */
  share: number | null;
};

export type TopCreative = Figures & { creativeId: string; buyerId: string | null; share: number | null };

export type FoundCampaign = CampaignRow &
  SumsState & {
    performance: Figures & { trend: number | null };
    topCreative: TopCreative | null;
    /** Our numbers of its creatives. */
    ids: string[];
    /** Their names: an id alone where it means one. */
    creativeIds: string[];
  };

const sums = (alias: string) =>
  `round(${alias}.spend, 2) as spend, ${alias}.impressions::text as impressions, ${alias}.clicks::text as clicks,
   ${ratioSql.cpc(`${alias}.spend`, `${alias}.clicks`)} as cpc, ${ratioSql.cpm(`${alias}.spend`, `${alias}.impressions`)} as cpm`;

/** Makes the planner look up one row after the other: it would rather go through those of all the client's creatives. */
const lookedUp = "limit 1";

/** One campaign with its sums of a period, all of one moment; null when the client has none of this number. */
export async function findCampaign(
  database: Queryable,
  { client, campaignId, period }: { client: string; campaignId: number; period: Period },
): Promise<FoundCampaign | null> {
  const { ended, previous } = comparedSql(period, "p");
  const { rows } = await database.query<FoundCampaign>(
    prepared(
      `with members as materialized (
         select creative_id from rtb.campaign_creatives where _client_id = $1 and campaign_id = $2
       ), performance as materialized (
         select p.creative_id, p.spend_${period} as spend, p.impressions_${period} as impressions, p.clicks_${period} as clicks, ${ended} as ended, ${previous} as previous
           from members k cross join lateral (
                select * from rtb.creative_performance where _client_id = $1 and creative_id = k.creative_id ${lookedUp}) p)
       select v.*, ${campaignColumns("members")},
              (select to_jsonb(w) from (
                 select round(s.spend, 2)::text as spend, s.impressions::text as impressions, s.clicks::text as clicks,
                        ${ratioSql.cpc("s.spend", "s.clicks")}::text as cpc, ${ratioSql.cpm("s.spend", "s.impressions")}::text as cpm,
                        ${percentSql("(s.ended - s.previous)", "s.previous")}::float8 as trend
                   from (select coalesce(sum(spend), 0) as spend, coalesce(sum(impressions), 0) as impressions, coalesce(sum(clicks), 0) as clicks,
                                sum(ended) as ended, sum(previous) as previous from performance) s) w) as performance,
              (select to_jsonb(b) from (
                 select r.creative_id as "creativeId", r.buyer_id as "buyerId", round(p.spend, 2)::text as spend, p.impressions::text as impressions, p.clicks::text as clicks,
                        ${ratioSql.cpc("p.spend", "p.clicks")}::text as cpc, ${ratioSql.cpm("p.spend", "p.impressions")}::text as cpm,
                        ${percentSql("p.spend", "(select sum(spend) from performance)")}::float8 as share
                   from (select * from performance where spend > 0 order by spend desc, creative_id limit 1) p
                   join rtb.creatives r on r._client_id = $1 and r.id = p.creative_id) b) as "topCreative",
              array(select creative_id::text from members order by creative_id) as ids,
              array(select ${nameSql("r")} from members join rtb.creatives r on r._client_id = $1 and r.id = members.creative_id order by 1) as "creativeIds"
         from rtb.campaigns c, ${stateSql("$1")} v where c._client_id = $1 and c.campaign_id = $2`,
      [client, campaignId],
    ),
  );
  return rows[0] ?? null;
}

/** Where the money of a campaign's creatives went in a period, the greatest spend first. */
export async function readCampaignGeographies(
  database: Queryable,
  of: { client: string; period: Period; asOf: string; ids: readonly string[] },
): Promise<{ version: string | null; rows: GeographyFigures[] }> {
  const { from, to } = daysOf(of.period, of.asOf);
  const { rows } = await database.query<GeographyFigures & { isRow: boolean; version: string | null }>(
    `with summed as (
       select m.geography, sum(m.spend) as spend, sum(m.impressions) as impressions, sum(m.clicks) as clicks
         from rtb.performance_metrics m
        where m._client_id = $1 and m.creative_id = any($2::bigint[]) ${from === null ? "" : "and m.date between $3 and $4"}
        group by 1)
     select v.version, s.geography is not null as "isRow", nullif(s.geography, '') as geography, ${sums("s")},
            ${percentSql("s.spend", "(select sum(spend) from summed)")}::float8 as share
       from ${stateSql("$1")} v left join summed s on true order by s.spend desc, s.geography`,
    from === null ? [of.client, of.ids] : [of.client, of.ids, from, to],
  );
  return {
    version: rows[0]?.version ?? null,
    rows: rows.filter(({ isRow }) => isRow).map(({ isRow: _isRow, version: _version, ...row }) => row),
  };
}

/** What is said of a campaign. What is left out stays as it is. */
export interface GivenCampaign {
  /** The campaign to change; without it, the one of this name, or a new one. */
  campaignId?: number | undefined;
  campaignName?: string | undefined;
  confidenceScore?: number | null | undefined;
  aiProvider?: string | null | undefined;
  /** All that it consists of, by their names; left out, its creatives stay. */
  creativeIds?: readonly string[] | undefined;
}

export interface PutCampaigns {
  /** In the order of what was given. */
  campaignIds: number[];
  created: number;
  updated: number;
  unchanged: number;
}

interface PutOfClient {
  client: string;
  origin: Origin;
  rows: readonly GivenCampaign[];
  waitMs: number;
  by?: PutBy;
}

/** Something was said of campaigns that cannot be. Nothing was written. */
export class CampaignProblem extends Error {
  constructor(
    readonly kind: "unknown_campaign" | "unknown_creatives" | "ambiguous_creatives" | "ambiguous_name",
    /** The place of the item in the list. */
    readonly item: number,
    message: string,
  ) {
    super(message);
    this.name = "CampaignProblem";
  }
}

/**
 * Creates and changes campaigns by their number or name; the same again changes nothing. One transaction, with the figures
 * of what was regrouped: a group and its sums are never seen apart.
 */
export async function putCampaigns(database: Database, put: PutOfClient): Promise<PutCampaigns> {
  return inTransaction(database, (session) => putCampaignsIn(session, put));
}

export async function putCampaignsIn(
  session: Session,
  { client, origin, rows, waitMs, by = byImport }: PutOfClient,
): Promise<PutCampaigns> {
  await session.query(`set local lock_timeout = ${Math.round(waitMs)}`);
  await lockPerformance(session, client);
  const result: PutCampaigns = { campaignIds: [], created: 0, updated: 0, unchanged: 0 };
  const regrouped: number[] = [];
  for (const [item, given] of rows.entries()) {
    const found = await findGiven(session, client, given, item);
    const known = found?.campaignId ?? null;
    if (found !== null && origin === "sandbox" && found.origin !== "sandbox") {
      // Made-up data never replace real ones.
      result.campaignIds.push(found.campaignId);
      result.unchanged += 1;
      continue;
    }
    const campaignId = known ?? (await createCampaign(session, { client, origin }, given));
    const changed = known !== null && (await changeCampaign(session, { client, origin, campaignId }, given));
    const hasOthers =
      given.creativeIds !== undefined && (await setCreatives(session, { client, campaignId, item }, given.creativeIds));
    const { campaignName: name } = given;
    if (found !== null && name !== undefined && name !== found.name)
      await recordRename(session, { client, campaignId, by }, { name, earlierName: found.name });
    if (given.creativeIds !== undefined) await makeOwn(session, { client, campaignId, by });
    if (hasOthers) regrouped.push(campaignId);
    result.campaignIds.push(campaignId);
    result[known === null ? "created" : changed || hasOthers ? "updated" : "unchanged"] += 1;
  }
  if (regrouped.length > 0) await refreshCampaigns(session, { client, campaignIds: regrouped });
  return result;
}

async function findGiven(
  session: Session,
  client: string,
  { campaignId, campaignName }: GivenCampaign,
  item: number,
): Promise<{ campaignId: number; name: string; origin: StoredOrigin } | null> {
  const { rows } = await session.query<{ campaignId: number; name: string; origin: StoredOrigin }>(
    `select campaign_id as "campaignId", campaign_name as name, origin from rtb.campaigns where _client_id = $1 and ${campaignId === undefined ? "campaign_name" : "campaign_id"} = $2 order by 1`,
    [client, campaignId ?? campaignName],
  );
  if (rows.length > 1)
    throw new CampaignProblem(
      "ambiguous_name",
      item,
      `several campaigns are called "${campaignName}" (${rows.map((row) => row.campaignId).join(", ")}): say which by campaignId`,
    );
  if (campaignId !== undefined && rows.length === 0)
    throw new CampaignProblem("unknown_campaign", item, `there is no campaign ${campaignId}`);
  return rows[0] ?? null;
}

interface Sender {
  client: string;
  origin: Origin;
}

async function createCampaign(session: Session, { client, origin }: Sender, given: GivenCampaign): Promise<number> {
  const { rows } = await session.query<{ id: number }>(
    `insert into rtb.campaigns (_client_id, campaign_name, confidence_score, ai_provider, origin) values ($1, $2, $3, $4, $5) returning campaign_id as id`,
    [client, given.campaignName, given.confidenceScore ?? null, given.aiProvider ?? null, origin],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a campaign was created without a number");
  return row.id;
}

async function changeCampaign(
  session: Session,
  { client, origin, campaignId }: Sender & { campaignId: number },
  given: GivenCampaign,
): Promise<boolean> {
  const { rowCount } = await session.query(
    `update rtb.campaigns
        set campaign_name = coalesce($3, campaign_name), named_by = case when campaign_name = coalesce($3, campaign_name) then named_by else 'person' end, confidence_score = case when $4 then $5 else confidence_score end,
            ai_provider = case when $6 then $7 else ai_provider end, origin = $8
      where _client_id = $1 and campaign_id = $2
        and (origin = 'sandbox' and $8 = 'real' or (campaign_name, confidence_score, ai_provider) is distinct from
            (coalesce($3, campaign_name), case when $4 then $5::float8 else confidence_score end, case when $6 then $7 else ai_provider end))`,
    [
      client,
      campaignId,
      given.campaignName ?? null,
      given.confidenceScore !== undefined,
      given.confidenceScore ?? null,
      given.aiProvider !== undefined,
      given.aiProvider ?? null,
      origin,
    ],
  );
  return (rowCount ?? 0) > 0;
}

async function setCreatives(
  session: Session,
  { client, campaignId, item }: { client: string; campaignId: number; item: number },
  names: readonly string[],
): Promise<boolean> {
  const ids = await idsOf(session, { client, item }, names);
  const removed = await session.query(
    "delete from rtb.campaign_creatives where _client_id = $1 and campaign_id = $2 and creative_id <> all($3::bigint[])",
    [client, campaignId, ids],
  );
  const added = await session.query(
    `insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id)
     select distinct $1, $2::bigint, id from unnest($3::bigint[]) as g(id) order by 3 on conflict do nothing`,
    [client, campaignId, ids],
  );
  return (removed.rowCount ?? 0) + (added.rowCount ?? 0) > 0;
}

/** Our numbers of creatives. Names that mean none, or one of several seats, are a problem. */
export async function idsOf(
  session: Session,
  { client, item }: { client: string; item: number },
  names: readonly string[],
): Promise<string[]> {
  const read = names.map(readCreativeName);
  const { rows } = await session.query<{ name: string; id: string | null; seats: string[] }>(
    `select g.name, f.id::text, f.seats
       from unnest($2::text[], $3::text[], $4::text[]) as g(name, buyer_id, creative_id)
      cross join lateral (
            select case when count(*) = 1 then min(c.id) else min(c.id) filter (where c.buyer_id is null) end as id,
                   coalesce(array_agg(c.buyer_id order by 1) filter (where c.buyer_id is not null), '{}') as seats
              from rtb.creatives c
             where c._client_id = $1 and c.creative_id = g.creative_id and (g.buyer_id is null or c.buyer_id = g.buyer_id)) f
      order by 1`,
    [client, names, read.map(({ buyerId }) => buyerId), read.map(({ creativeId }) => creativeId)],
  );
  const without = rows.filter(({ id }) => id === null);
  const unknown = without.filter(({ seats }) => seats.length === 0);
  const listed = (some: typeof rows) =>
    `${some
      .slice(0, 20)
      .map(({ name }) => name)
      .join(", ")}${some.length > 20 ? " and more" : ""}`;
  if (unknown.length > 0)
    throw new CampaignProblem("unknown_creatives", item, `creatives that are not known: ${listed(unknown)}`);
  if (without.length > 0)
    throw new CampaignProblem(
      "ambiguous_creatives",
      item,
      `creatives of which several seats have one (write buyers/SEAT/creatives/ID): ${listed(without)}`,
    );
  return rows.flatMap(({ id }) => id ?? []);
}
