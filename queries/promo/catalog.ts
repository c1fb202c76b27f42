import type { Queryable } from "../../schema/database.ts";

export interface KnownOffer {
  id: number;
  client: string;
  slug: string;
  destinationUrl: string;
  clickIdParameter: string | null;
  archived: boolean;
}

export interface KnownOffers {
  offers: KnownOffer[];
  variations: { id: number; offerId: number }[];
}

/** Every offer and variation of all clients: what events and redirects name. */
export async function readKnownOffers(database: Queryable): Promise<KnownOffers> {
  const { rows } = await database.query<{ known: KnownOffers }>(
    `select json_build_object(
       'offers', (select coalesce(json_agg(json_build_object('id', id, 'client', _client_id, 'slug', slug, 'destinationUrl', destination_url,
                    'clickIdParameter', click_id_parameter, 'archived', archived) order by id), '[]') from promo.promo_offers),
       'variations', (select coalesce(json_agg(json_build_object('id', id, 'offerId', offer_id) order by id), '[]') from promo.promo_text_variations)
     ) as known`,
  );
  const [row] = rows as [{ known: KnownOffers }];
  return row.known;
}
