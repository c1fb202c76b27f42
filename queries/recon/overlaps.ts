import type { Overlap } from "../../rules/recon/claims.ts";
import { prepared, type Queryable } from "../../schema/database.ts";

/** Keeps what the platform says a post is part of, the narrowest first; answers whether that is news. */
export async function keepPartOf(
  database: Queryable,
  { client, postId, partOf }: { client: string; postId: string; partOf: readonly string[] },
): Promise<boolean> {
  const { rowCount } = await database.query(
    prepared(
      `update recon.posts set part_of = $3 where _client_id = $1 and post_id = $2 and part_of is distinct from $3`,
      [client, postId, partOf.length === 0 ? null : partOf],
    ),
  );
  return rowCount === 1;
}

const mostNamed = 50;

/** The wholes among these that are claimed, with what is claimed of their parts; one without a claimed part is none. */
export async function readOverlaps(
  database: Queryable,
  { client, platform, ids }: { client: string; platform: string; ids: readonly string[] },
): Promise<Overlap[]> {
  const { rows } = await database.query<{ whole: string; post: string; id: string; name: string }>(
    prepared(
      `select w.id as whole, claimed.post, a.affiliate_id::text as id, a.name
       from unnest($3::text[]) with ordinality w(id, place)
      cross join lateral (
            select distinct p.post_key as post, p.affiliate_id from recon.posts p
             where p._client_id = $1 and p.platform = $2 and (p.post_key = w.id or p.part_of @> array[w.id])
             order by 1, 2 limit ${mostNamed}) claimed
       join recon.affiliates a on a._client_id = $1 and a.affiliate_id = claimed.affiliate_id
      order by w.place, claimed.post, a.affiliate_id`,
      [client, platform, ids],
    ),
  );
  return ids.flatMap((whole) => {
    const claimants = (post: string) =>
      rows.filter((row) => row.whole === whole && row.post === post).map(({ id, name }) => ({ id, name }));
    const posts = new Set(rows.filter((row) => row.whole === whole).map(({ post }) => post));
    if (!posts.delete(whole) || posts.size === 0) return [];
    return [{ whole, claimedBy: claimants(whole), parts: [...posts].map((id) => ({ id, claimedBy: claimants(id) })) }];
  });
}
