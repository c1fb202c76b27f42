import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { inScope, matches, matchValues, scopeValues, type ReportFilter, type ReportScope } from "./reports.ts";

export interface PostRow {
  postId: string;
  campaignId: string;
  affiliateId: string;
  platform: string;
  url: string;
  reports: number;
  claimedViews: number;
  claimedClicks: number;
  claimedConversions: number;
  verifiedViews: number | null;
  verifiedClicks: number | null;
  verifiedConversions: number | null;
  spend: string | null;
  currency: string | null;
  verifiedAt: Date | null;
  verdict: string | null;
  level: string | null;
  /** Where several affiliates claim the post for the campaign, one row of it counts: whose numbers are the latest. */
  isCounted: boolean;
}

/** Posts with their latest claim beside the platform's latest numbers: the rows that a dashboard's totals add up. */
export async function listPosts(
  database: Queryable,
  {
    scope,
    filter,
    afterId,
    limit,
  }: {
    scope: ReportScope;
    filter: Pick<ReportFilter, "affiliateId" | "campaignId" | "platform" | "verdict" | "level"> & {
      currency?: string | undefined;
    };
    afterId: string | null;
    limit: number;
  },
): Promise<PostRow[]> {
  const { text, values } = named(
    `select s.post_id::text as "postId", s.campaign_id::text as "campaignId", s.affiliate_id::text as "affiliateId", s.platform, p.url, s.reports,
            s.claimed_views as "claimedViews", s.claimed_clicks as "claimedClicks", s.claimed_conversions as "claimedConversions",
            s.verified_views as "verifiedViews", s.verified_clicks as "verifiedClicks", s.verified_conversions as "verifiedConversions",
            s.spend, s.currency, s.verified_at as "verifiedAt", s.verdict, s.level,
            not exists (select from recon.post_totals o
                         where o._client_id = s._client_id and o.campaign_id = s.campaign_id and o.platform = s.platform and o.post_key = s.post_key and o.post_id <> s.post_id
                           and (coalesce(o.verified_at, '-infinity'), -o.post_id) > (coalesce(s.verified_at, '-infinity'), -s.post_id)) as "isCounted"
       from recon.post_totals s join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
      where ${inScope} and ${matches}
        and (:currency::text is null or (s.spend is not null and s.currency = :currency)) and s.post_id > coalesce(:after::bigint, 0)
      order by s.post_id limit :limit`,
    {
      ...scopeValues(scope),
      ...matchValues(filter),
      currency: filter.currency ?? null,
      after: afterId,
      limit,
    },
  );
  const { rows } = await database.query<PostRow>(text, values);
  return rows;
}
