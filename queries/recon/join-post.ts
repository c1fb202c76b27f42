import type { PostAddress } from "../../rules/recon/post-url.ts";
import { inTransaction, type Database } from "../../schema/database.ts";
import { lockPosts, refreshPostTotals } from "./posts.ts";
import type { ReportAttempt } from "./shapes.ts";
import { lockAffiliate, noteStep, refreshTrust } from "./trust.ts";

/**
 * A share link led to this address. The report joins the post that is known by it, or the first of that name; so do
 * the other reports of the link, those to come included.
 */
export async function joinPost(
  database: Database,
  { attempt, postId, address }: { attempt: ReportAttempt; postId: string; address: PostAddress },
): Promise<string> {
  const { client } = attempt;
  return inTransaction(database, async (session) => {
    const { rows: links } = await session.query<{ affiliateId: string }>(
      `select affiliate_id::text as "affiliateId" from recon.posts where _client_id = $1 and post_id = $2`,
      [client, postId],
    );
    const affiliateId = links[0]?.affiliateId;
    if (affiliateId === undefined) throw new Error(`post ${postId} is not there`);
    await lockAffiliate(session, { client, affiliateId });
    await lockPosts(session, { client, postIds: [postId] });
    const { rows } = await session.query<{ joined: string | null; target: string }>(
      `with link as (select * from recon.posts where _client_id = $1 and post_id = $2), target as (
         insert into recon.posts as p (_client_id, campaign_id, affiliate_id, platform, url, platform_post_id, title, description, posted_at)
         select _client_id, campaign_id, affiliate_id, platform, $3, $4, title, description, posted_at from link
         on conflict on constraint posts_once do update set title = coalesce(p.title, excluded.title)
         returning post_id
       )
       select link.joined_post_id::text as joined, target.post_id::text as target from link, target`,
      [client, postId, address.url, address.platformPostId],
    );
    const [found] = rows;
    if (found === undefined) throw new Error(`post ${postId} is not there`);
    const target = found.target;
    if (found.joined === target) return target;
    await session.query("update recon.posts set joined_post_id = $3 where _client_id = $1 and post_id = $2", [
      client,
      postId,
      target,
    ]);
    await session.query(
      "update recon.report_state set post_id = $3, updated_at = now() where _client_id = $1 and post_id = $2",
      [client, postId, target],
    );
    await session.query("delete from recon.post_totals where _client_id = $1 and post_id = $2", [client, postId]);
    await refreshPostTotals(session, { client, postId: target });
    // Two posts that both counted are one from now on.
    await refreshTrust(session, { client, affiliateId });
    await noteStep(session, attempt, { step: "link_resolved", detail: `to ${address.url}` });
    return target;
  });
}
