import type { CandidateOffer } from "../../rules/promo/choose.ts";
import type { Queryable } from "../../schema/database.ts";

/** What a newsletter is told of the text that was selected for it. */
export interface SelectableOffer extends CandidateOffer {
  name: string;
  offerType: string;
  slug: string;
  destinationUrl: string;
  variations: (CandidateOffer["variations"][number] & {
    textContent: string;
    ctaText: string | null;
    tone: string | null;
    lengthCategory: string | null;
  })[];
}

/** Active offers with their approved variations; those without one are left out. */
export async function readCandidates(database: Queryable, { client }: { client: string }): Promise<SelectableOffer[]> {
  const { rows } = await database.query<SelectableOffer>(
    `select o.id, o.weight::float8 as weight, o.total_impressions as impressions, o.total_clicks as clicks, o.name,
            o.offer_type as "offerType", o.slug, o.destination_url as "destinationUrl",
            json_agg(json_build_object('id', v.id, 'weight', v.weight, 'impressions', v.impressions, 'clicks', v.clicks,
              'textContent', v.text_content, 'ctaText', v.cta_text, 'tone', v.tone, 'lengthCategory', v.length_category)
              order by v.id) as variations
       from promo.promo_offers o
       join promo.promo_text_variations v on v._client_id = o._client_id and v.offer_id = o.id and v.approved
      where o._client_id = $1 and o.active and not o.archived
      group by o._client_id, o.id
      order by o.id`,
    [client],
  );
  return rows;
}
