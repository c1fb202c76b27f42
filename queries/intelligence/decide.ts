import type { StoredOrigin } from "../../core/origin.ts";
import type { Session } from "../../schema/database.ts";
import type { Actor } from "../ops/audit.ts";
import { idsOf } from "../rtb/campaigns.ts";
import { spelledGenres } from "../rtb/genres.ts";
import { lockPerformance, refreshCampaigns } from "../rtb/rollups.ts";
import { removeCampaigns } from "./remove-campaigns.ts";
import { ownAnchor } from "./standing.ts";
import { findSuccessor } from "../rtb/successor.ts";

/** Something cannot be decided so. Nothing was written. */
export class DecisionProblem extends Error {
  constructor(
    readonly kind: "unknown_campaign" | "merged_away" | "name_taken" | "same_campaign" | "not_members" | "nothing_left",
    message: string,
  ) {
    super(message);
    this.name = "DecisionProblem";
  }
}

export interface DecisionBy extends Actor {
  client: string;
}

/** What a decision came to: `changed` is false where it was so before, and then nothing was written. */
export interface Decided {
  changed: boolean;
  campaignId: number;
  creatives: number;
}

interface StandingCampaign {
  campaignId: number;
  name: string;
  anchor: string | null;
  origin: StoredOrigin;
  members: string[];
}

/** A file that is being merged holds the sums for seconds. */
const lockMs = 20_000;

/** One at a time with imports and clustering: what is decided is of what stands now. */
async function lock(session: Session, client: string): Promise<void> {
  await session.query(`set local lock_timeout = ${lockMs}`);
  await lockPerformance(session, client);
}

async function find(session: Session, client: string, campaignId: number): Promise<StandingCampaign | null> {
  const { rows } = await session.query<StandingCampaign>(
    `select c.campaign_id as "campaignId", c.campaign_name as name, c.anchor, c.origin,
            array(select k.creative_id::text from rtb.campaign_creatives k
                   where k._client_id = c._client_id and k.campaign_id = c.campaign_id order by k.creative_id) as members
       from rtb.campaigns c where c._client_id = $1 and c.campaign_id = $2`,
    [client, campaignId],
  );
  return rows[0] ?? null;
}

async function found(session: Session, client: string, campaignId: number): Promise<StandingCampaign> {
  const campaign = await find(session, client, campaignId);
  if (campaign !== null) return campaign;
  const successor = await findSuccessor(session, { client, campaignId });
  throw successor === null
    ? new DecisionProblem("unknown_campaign", `there is no campaign ${campaignId}`)
    : new DecisionProblem("merged_away", `campaign ${campaignId} was merged into campaign ${successor}: name that one`);
}

/** Two campaigns of one name could not be told apart in a file. */
async function assertFree(session: Session, client: string, name: string, except: number | null): Promise<void> {
  const { rows } = await session.query<{ id: number }>(
    "select campaign_id as id from rtb.campaigns where _client_id = $1 and lower(campaign_name) = lower($2) and campaign_id is distinct from $3 limit 1",
    [client, name, except],
  );
  if (rows[0] !== undefined)
    throw new DecisionProblem("name_taken", `campaign ${rows[0].id} is called "${name}": choose another name`);
}

interface Record {
  kind: "renamed" | "merged" | "split" | "moved";
  campaignId: number;
  fromCampaignId?: number;
  name: string;
  earlierName?: string;
  anchors?: readonly string[];
  creatives?: readonly string[];
}

async function record(session: Session, { client, actor, role }: DecisionBy, decision: Record): Promise<void> {
  const { kind, campaignId, fromCampaignId = null, name, earlierName = null, anchors = [], creatives = [] } = decision;
  await session.query(
    `insert into rtb.campaign_decisions (_client_id, actor, role, kind, campaign_id, from_campaign_id, name, earlier_name, anchors, creatives)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint[])`,
    [client, actor, role, kind, campaignId, fromCampaignId, name, earlierName, anchors, creatives],
  );
}

/** The name that a person gives stays, whatever is grouped later. */
export async function renameCampaign(
  session: Session,
  by: DecisionBy,
  { campaignId, name }: { campaignId: number; name: string },
): Promise<Decided & { earlierName: string }> {
  const { client } = by;
  await lock(session, client);
  const campaign = await found(session, client, campaignId);
  const result = { campaignId, creatives: campaign.members.length, earlierName: campaign.name };
  const { rowCount } = await session.query(
    "select from rtb.campaigns where _client_id = $1 and campaign_id = $2 and campaign_name = $3 and named_by = 'person'",
    [client, campaignId, name],
  );
  if ((rowCount ?? 0) > 0) return { ...result, changed: false };
  await assertFree(session, client, name, campaignId);
  await session.query(
    "update rtb.campaigns set campaign_name = $3, named_by = 'person' where _client_id = $1 and campaign_id = $2",
    [client, campaignId, name],
  );
  await record(session, by, { kind: "renamed", campaignId, name, earlierName: campaign.name });
  return { ...result, changed: true };
}

/**
 * The genre that a person gives stays, whatever is grouped later; null gives it back to the next grouping. One that other
 * campaigns have is spelled as theirs, unless the campaign is of it already: then it is a new spelling.
 */
export async function setGenre(
  session: Session,
  { client }: DecisionBy,
  { campaignId, genre }: { campaignId: number; genre: string | null },
): Promise<Decided & { earlierGenre: string | null }> {
  await lock(session, client);
  const { members } = await found(session, client, campaignId);
  const spelled = genre === null ? null : await spellingOf(session, { client, campaignId, genre });
  const { rows } = await session.query<{ earlier: string | null }>(
    `with before as (select genre, is_genre_persons from rtb.campaigns where _client_id = $1 and campaign_id = $2),
          changed as (update rtb.campaigns c set genre = case when $3::text is null and not b.is_genre_persons then b.genre else $3 end, is_genre_persons = $3::text is not null
                        from before b where c._client_id = $1 and c.campaign_id = $2
                         and (b.is_genre_persons <> ($3::text is not null) or (b.is_genre_persons and b.genre is distinct from $3)) returning b.genre)
     select genre as earlier from changed`,
    [client, campaignId, spelled],
  );
  return {
    changed: rows.length > 0,
    campaignId,
    creatives: members.length,
    earlierGenre: rows[0]?.earlier ?? null,
  };
}

async function spellingOf(
  session: Session,
  { client, campaignId, genre }: { client: string; campaignId: number; genre: string },
): Promise<string> {
  const { rows } = await session.query<{ spelling: string }>(
    `select genres.spelling from ${spelledGenres("$1")} join rtb.campaigns c on c._client_id = $1 and c.campaign_id = $2
      where genres.key = lower($3) and lower(c.genre) is distinct from genres.key`,
    [client, campaignId, genre],
  );
  return rows[0]?.spelling ?? genre;
}

/** Puts all creatives of other campaigns into one, and what is found later about these, too. The others are gone. */
export async function mergeCampaigns(
  session: Session,
  by: DecisionBy,
  { campaignId, from }: { campaignId: number; from: readonly number[] },
): Promise<Decided> {
  const { client } = by;
  await lock(session, client);
  const target = await found(session, client, campaignId);
  if (from.includes(campaignId))
    throw new DecisionProblem("same_campaign", `campaign ${campaignId} cannot be merged into itself`);
  let creatives = 0;
  let changed = false;
  for (const other of new Set(from)) {
    const source = await find(session, client, other);
    if (source === null) {
      if (await wasMerged(session, client, { campaignId, other })) continue;
      throw new DecisionProblem("unknown_campaign", `there is no campaign ${other}`);
    }
    await put(session, { client, campaignId, creatives: source.members });
    await removeCampaigns(session, { client, campaignIds: [other], notes: `merged into campaign ${campaignId}` });
    await record(session, by, {
      kind: "merged",
      campaignId,
      fromCampaignId: other,
      name: target.name,
      earlierName: source.name,
      anchors: source.anchor === null ? [] : [source.anchor],
      creatives: source.members,
    });
    creatives += source.members.length;
    changed = true;
  }
  if (changed) await refreshCampaigns(session, { client, campaignIds: [campaignId] });
  return { changed, campaignId, creatives };
}

async function wasMerged(
  session: Session,
  client: string,
  { campaignId, other }: { campaignId: number; other: number },
): Promise<boolean> {
  const { rowCount } = await session.query(
    "select from rtb.campaign_decisions where _client_id = $1 and kind = 'merged' and campaign_id = $2 and from_campaign_id = $3",
    [client, campaignId, other],
  );
  return (rowCount ?? 0) > 0;
}

interface SomeCreatives {
  campaignId: number;
  /** By their names. */
  creatives: readonly string[];
}

/** Puts some creatives of a campaign into one of their own. */
export async function splitCampaign(
  session: Session,
  by: DecisionBy,
  { campaignId, creatives, name }: SomeCreatives & { name: string },
): Promise<Decided> {
  const { client } = by;
  await lock(session, client);
  const source = await found(session, client, campaignId);
  const ids = await membersNamed(session, client, { source, creatives });
  if (ids.length === source.members.length)
    throw new DecisionProblem("nothing_left", `these are all creatives of campaign ${campaignId}: rename it instead`);
  await assertFree(session, client, name, null);
  const { rows } = await session.query<{ id: number }>(
    `insert into rtb.campaigns (_client_id, campaign_name, named_by, origin) values ($1, $2, 'person', $3) returning campaign_id as id`,
    [client, name, source.origin],
  );
  const created = rows[0]?.id;
  if (created === undefined) throw new Error("a campaign was created without a number");
  // Split off a person's own campaign, it is their own, too.
  if (source.anchor !== null)
    await session.query("update rtb.campaigns set anchor = $3 where _client_id = $1 and campaign_id = $2", [
      client,
      created,
      ownAnchor(created),
    ]);
  await take(session, { client, campaignId, creatives: ids });
  await put(session, { client, campaignId: created, creatives: ids });
  await record(session, by, { kind: "split", campaignId: created, fromCampaignId: campaignId, name, creatives: ids });
  await refreshCampaigns(session, { client, campaignIds: [campaignId, created] });
  return { changed: true, campaignId: created, creatives: ids.length };
}

/** Puts some creatives of a campaign into another one. */
export async function moveCreatives(
  session: Session,
  by: DecisionBy,
  { campaignId, creatives, to }: SomeCreatives & { to: number },
): Promise<Decided> {
  const { client } = by;
  await lock(session, client);
  const source = await found(session, client, campaignId);
  const target = await found(session, client, to);
  if (to === campaignId) throw new DecisionProblem("same_campaign", `campaign ${to} has them already`);
  const ids = await membersNamed(session, client, { source, target, creatives });
  if (ids.length === 0) return { changed: false, campaignId: to, creatives: 0 };
  await take(session, { client, campaignId, creatives: ids });
  await put(session, { client, campaignId: to, creatives: ids });
  await record(session, by, {
    kind: "moved",
    campaignId: to,
    fromCampaignId: campaignId,
    name: target.name,
    earlierName: source.name,
    creatives: ids,
  });
  await refreshCampaigns(session, { client, campaignIds: [campaignId, to] });
  return { changed: true, campaignId: to, creatives: ids.length };
}

/** Of the creatives that are named, those of the campaign. Others are a problem, unless they are where they are to go. */
async function membersNamed(
  session: Session,
  client: string,
  of: { source: StandingCampaign; target?: StandingCampaign; creatives: readonly string[] },
): Promise<string[]> {
  const { source, target, creatives } = of;
  const ids = [...new Set(await idsOf(session, { client, item: 0 }, creatives))];
  const own = new Set(source.members);
  const there = new Set(target?.members);
  const strangers = ids.filter((id) => !own.has(id) && !there.has(id));
  if (strangers.length > 0)
    throw new DecisionProblem(
      "not_members",
      `${strangers.length} of these creatives ${strangers.length === 1 ? "is" : "are"} not of campaign ${source.campaignId}`,
    );
  return ids.filter((id) => own.has(id));
}

interface Placed {
  client: string;
  campaignId: number;
  /** Our numbers. */
  creatives: readonly string[];
}

async function put(session: Session, { client, campaignId, creatives }: Placed): Promise<void> {
  await session.query(
    `insert into rtb.campaign_creatives as k (_client_id, campaign_id, creative_id)
     select $1, $2::bigint, id from unnest($3::bigint[]) as g(id) order by 3
     on conflict (_client_id, campaign_id, creative_id) do update set basis = null where k.basis is not null`,
    [client, campaignId, creatives],
  );
}

async function take(session: Session, { client, campaignId, creatives }: Placed): Promise<void> {
  await session.query(
    "delete from rtb.campaign_creatives where _client_id = $1 and campaign_id = $2 and creative_id = any($3::bigint[])",
    [client, campaignId, creatives],
  );
}
