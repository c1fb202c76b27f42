import type { StoredOrigin } from "../../core/origin.ts";
import type { Campaign, Clusters } from "../../rules/intelligence/cluster.ts";
import type { Decisions, KnownCampaign } from "../../rules/intelligence/keep-campaigns.ts";
import type { Session } from "../../schema/database.ts";
import { isDescribed } from "./catalogue.ts";
import { refreshCampaigns } from "../rtb/rollups.ts";
import { removeCampaigns } from "./remove-campaigns.ts";

export interface SaveClusters {
  client: string;
  clusters: Clusters;
  known: readonly KnownCampaign[];
  decisions: Decisions;
  /** Who is written down for what a model said. */
  provider: string;
  originOf: (campaign: Campaign) => StoredOrigin;
}

export interface SavedClusters {
  created: number;
  removed: number;
  /** Creatives that changed from one campaign to another. */
  moved: number;
}

/** Creatives that are to be in another campaign than they were. */
export function countMoved({ campaigns }: Clusters, known: readonly KnownCampaign[]): number {
  const homes = new Map(known.flatMap(({ id, members }) => members.map((creative) => [creative, id] as const)));
  return campaigns.reduce(
    (sum, { id, members }) =>
      sum + members.filter((member) => homes.has(member.id) && homes.get(member.id) !== id).length,
    0,
  );
}

/** Stores campaigns and their members; the same again writes nothing. The lock of performance is held by the caller. */
export async function saveCampaigns(session: Session, save: SaveClusters): Promise<SavedClusters> {
  const { client, clusters, known } = save;
  const ids = await insertCampaigns(session, save);
  await updateCampaigns(session, save);
  const regrouped = await setMembers(session, save, ids);
  const removed = await removeCampaigns(session, {
    client,
    campaignIds: clusters.gone,
    notes: "no creative is in the campaign any more",
  });
  if (regrouped.length > 0) await refreshCampaigns(session, { client, campaignIds: regrouped });
  return { created: ids.size, removed, moved: countMoved(clusters, known) };
}

const providerOf = ({ modelConfidence }: Campaign, provider: string) =>
  modelConfidence === null ? "rule-based" : provider;

/** The numbers of new campaigns, by their names. */
async function insertCampaigns(
  session: Session,
  { client, clusters, provider, originOf }: SaveClusters,
): Promise<Map<string, number>> {
  const created = clusters.campaigns.filter(({ id }) => id === null);
  const { rows } = await session.query<{ name: string; id: number }>(
    `insert into rtb.campaigns (_client_id, campaign_name, confidence_score, ai_provider, model_confidence, anchor, named_by, origin, genre)
     select $1, g.name, g.confidence, g.provider, g.model, g.anchor, g.named_by, g.origin, g.genre
       from unnest($2::text[], $3::float8[], $4::text[], $5::float8[], $6::text[], $7::text[], $8::text[], $9::text[])
            with ordinality g(name, confidence, provider, model, anchor, named_by, origin, genre, place) order by g.place
     returning campaign_name as name, campaign_id as id`,
    [
      client,
      created.map(({ name }) => name),
      created.map(({ confidence }) => confidence),
      created.map((campaign) => providerOf(campaign, provider)),
      created.map(({ modelConfidence }) => modelConfidence),
      created.map(({ anchor }) => anchor),
      created.map(({ namedBy }) => namedBy),
      created.map(originOf),
      created.map(({ genre }) => genre),
    ],
  );
  return new Map(rows.map(({ name, id }) => [name, id]));
}

/** What is empty keeps what was last known of it, and so does a person's own campaign. */
async function updateCampaigns(
  session: Session,
  { client, clusters, provider, originOf }: SaveClusters,
): Promise<void> {
  const standing = clusters.campaigns.filter(({ id, members }) => id !== null && members.length > 0);
  await session.query(
    `update rtb.campaigns c
        set campaign_name = g.name, named_by = g.named_by, confidence_score = g.confidence, ai_provider = g.provider,
            model_confidence = g.model, origin = g.origin, genre = case when c.is_genre_persons then c.genre else g.genre end
       from unnest($2::bigint[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::float8[], $8::text[], $9::text[])
            g(id, name, named_by, confidence, provider, model, origin, genre)
      where c._client_id = $1 and c.campaign_id = g.id and c.anchor is not null
        and (c.campaign_name, c.named_by, c.confidence_score, c.ai_provider, c.model_confidence, c.origin, c.genre)
            is distinct from (g.name, g.named_by, g.confidence, g.provider, g.model, g.origin, case when c.is_genre_persons then c.genre else g.genre end)`,
    [
      client,
      standing.map(({ id }) => id),
      standing.map(({ name }) => name),
      standing.map(({ namedBy }) => namedBy),
      standing.map(({ confidence }) => confidence),
      standing.map((campaign) => providerOf(campaign, provider)),
      standing.map(({ modelConfidence }) => modelConfidence),
      standing.map(originOf),
      standing.map(({ genre }) => genre),
    ],
  );
}

/** Returns the campaigns whose creatives are others than before. */
async function setMembers(
  session: Session,
  { client, clusters, decisions }: SaveClusters,
  ids: ReadonlyMap<string, number>,
): Promise<number[]> {
  const members = clusters.campaigns.flatMap(({ id, name, members: own, variants }) => {
    const variantOf = new Map(variants.flatMap((variant) => variant.members.map((one) => [one, variant] as const)));
    return own.map((member) => ({
      campaign: id ?? ids.get(name) ?? null,
      creative: member.id,
      // Put there by a person, it is there whatever joins it.
      basis: decisions.pins.get(member.id) === id ? null : member.basis,
      language: variantOf.get(member.id)?.language ?? null,
      format: variantOf.get(member.id)?.format ?? null,
    }));
  });
  const given = [
    client,
    members.map(({ campaign }) => campaign),
    members.map(({ creative }) => creative),
    members.map(({ basis }) => basis),
    members.map(({ language }) => language),
    members.map(({ format }) => format),
  ];
  const { rows } = await session.query<{ id: number }>(
    `with given as materialized (
       select * from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[]) as g(campaign_id, creative_id, basis, language, format)
        where exists (select from rtb.creatives r where r._client_id = $1 and r.id = g.creative_id)
     ), removed as (
       delete from rtb.campaign_creatives k using rtb.campaigns c
        where k._client_id = $1 and c._client_id = $1 and c.campaign_id = k.campaign_id and c.anchor is not null
          and not exists (select from given g where g.campaign_id = k.campaign_id and g.creative_id = k.creative_id)
          -- What cannot be grouped is where a person put it: it goes only where it is put elsewhere.
          and (exists (select from given g where g.creative_id = k.creative_id)
               or not exists (select from rtb.creatives c where c._client_id = $1 and c.id = k.creative_id and (${isDescribed}) is not true)
               or exists (select from rtb.campaign_creatives o join rtb.campaigns p on p._client_id = o._client_id and p.campaign_id = o.campaign_id
                           where o._client_id = $1 and o.creative_id = k.creative_id and p.anchor is null))
       returning k.campaign_id
     ), added as (
       insert into rtb.campaign_creatives as k (_client_id, campaign_id, creative_id, basis, variant_language, variant_format)
       select $1, campaign_id, creative_id, basis, language, format from given order by 2, 3
       on conflict (_client_id, campaign_id, creative_id) do update
          set basis = excluded.basis, variant_language = excluded.variant_language, variant_format = excluded.variant_format
        where (k.basis, k.variant_language, k.variant_format) is distinct from (excluded.basis, excluded.variant_language, excluded.variant_format)
       returning k.campaign_id, xmax = 0 as is_new
     )
     select distinct campaign_id as id from (select campaign_id from removed union all select campaign_id from added where is_new) r order by 1`,
    given,
  );
  return rows.map(({ id }) => id);
}
