import { listPosts } from "../../queries/recon/list-posts.ts";
import { allowAffiliates } from "../server/access.ts";
import { listRoute } from "../server/list-route.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { scopeOf } from "./affiliate-key.ts";
import { id, levelName, post, tags, toPost, verdictName, withoutSpend } from "./shapes.ts";

/** What was claimed of each post, beside what its platform says. */
export function postRoutes(api: Api, { reading }: ServerParts): void {
  listRoute(api, "/posts", {
    config: allowAffiliates("admin", "operator", "analyst", "advertiser"),
    tags,
    summary: "Posts with their latest claim beside the platform's latest numbers",
    querystring: paging.extend({
      affiliate: id.optional(),
      campaign: id.optional(),
      platform: word.optional(),
      verdict: verdictName.optional(),
      level: levelName.optional(),
      currency: word.optional().describe("those with spend in it"),
    }),
    item: post,
    place: id,
    read: async ({ filter: { affiliate, campaign, ...filter }, after, limit }, request) => {
      const scope = scopeOf(request);
      const rows = await listPosts(reading, {
        scope,
        filter: { ...filter, affiliateId: affiliate, campaignId: campaign },
        afterId: after,
        limit,
      });
      return scope.affiliateId === null ? rows : rows.map(withoutSpend);
    },
    placeOf: (row) => row.postId,
    toItem: toPost,
  });
}
