import type { Origin } from "../../core/origin.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import type { NewOffer, OfferRow } from "./shapes.ts";
import { listVariations } from "./variations.ts";

const columns = `id as "offerId", name, offer_type as "offerType", slug, destination_url as "destinationUrl",
  click_id_parameter as "clickIdParameter", landing_url as "landingUrl", weight::float8 as weight, active, archived, origin,
  total_impressions as impressions, total_clicks as clicks, total_raw_clicks as "rawClicks", total_bot_clicks as "botClicks",
  total_repeat_clicks as "repeatClicks", created_at as "createdAt", updated_at as "updatedAt"`;

type Bare = Omit<OfferRow, "variations">;

/** The oldest first, each with its variations. */
export async function listOffers(
  database: Queryable,
  filter: { client: string; withArchived: boolean; afterId: number | null; limit: number },
): Promise<OfferRow[]> {
  const { rows } = await database.query<Bare>(
    named(
      `select ${columns} from promo.promo_offers
        where _client_id = :client and (:with_archived or not archived) and id > coalesce(:after_id::int, 0)
        order by id limit :limit`,
      { client: filter.client, with_archived: filter.withArchived, after_id: filter.afterId, limit: filter.limit },
    ),
  );
  return withVariations(database, filter.client, rows);
}

export async function findOffer(
  database: Queryable,
  { client, offerId }: { client: string; offerId: number },
): Promise<OfferRow | null> {
  const { rows } = await database.query<Bare>(
    `select ${columns} from promo.promo_offers where _client_id = $1 and id = $2`,
    [client, offerId],
  );
  return (await withVariations(database, client, rows))[0] ?? null;
}

/** A slug is one client's alone, and an offer of another client is none of the caller's: null. */
export async function findOfferBySlug(
  database: Queryable,
  { client, slug }: { client: string; slug: string },
): Promise<OfferRow | null> {
  const { rows } = await database.query<Bare>(
    `select ${columns} from promo.promo_offers where _client_id = $1 and slug = $2`,
    [client, slug],
  );
  return (await withVariations(database, client, rows))[0] ?? null;
}

async function withVariations(database: Queryable, client: string, offers: readonly Bare[]): Promise<OfferRow[]> {
  const variations = await listVariations(database, { client, offerIds: offers.map(({ offerId }) => offerId) });
  return offers.map((offer) => ({ ...offer, variations: variations.filter((one) => one.offerId === offer.offerId) }));
}

/** Null where the slug is taken. */
export async function createOffer(
  session: Session,
  { client, offer, origin, id }: { client: string; offer: NewOffer; origin: Origin; id?: number | undefined },
): Promise<number | null> {
  const { rows } = await session.query<{ id: number }>(
    named(
      `insert into promo.promo_offers (_client_id, id, name, offer_type, slug, destination_url, click_id_parameter, landing_url, weight, active, origin)
       values (:client, coalesce(:id::int, nextval('promo.promo_offers_id_seq')::int), :name, :type, :slug, :destination, :parameter, :landing, :weight, :active, :origin)
       on conflict on constraint promo_offers_slug do nothing returning id`,
      {
        client,
        id: id ?? null,
        name: offer.name,
        type: offer.offerType,
        slug: offer.slug,
        destination: offer.destinationUrl,
        parameter: offer.clickIdParameter,
        landing: offer.landingUrl,
        weight: offer.weight,
        active: offer.active,
        origin,
      },
    ),
  );
  return rows[0]?.id ?? null;
}

export interface OfferChange {
  name?: string | undefined;
  destinationUrl?: string | undefined;
  clickIdParameter?: string | null | undefined;
  landingUrl?: string | null | undefined;
  weight?: number | undefined;
  active?: boolean | undefined;
  archived?: boolean | undefined;
  /** Said by a file; else an offer that is led somewhere else is real from then on. */
  origin?: Origin | undefined;
}

/** What is left out stays. Whether anything was changed: not where there is no such offer. */
export async function changeOffer(
  session: Session,
  { client, offerId, change }: { client: string; offerId: number; change: OfferChange },
): Promise<boolean> {
  const { rows } = await session.query<{ changed: boolean }>(
    named(
      `with before as (
         select * from promo.promo_offers where _client_id = :client and id = :id for update
       ), wanted as (
         select coalesce(:name::text, name) as name, coalesce(:destination::text, destination_url) as destination_url,
                case when :sets_parameter then :parameter::text else click_id_parameter end as click_id_parameter,
                case when :sets_landing then :landing::text else landing_url end as landing_url,
                coalesce(:weight::numeric, weight) as weight, coalesce(:active::boolean, active) as active,
                coalesce(:archived::boolean, archived) as archived,
                coalesce(:origin::text, case when :destination::text <> destination_url then 'real' else origin end) as origin
           from before
       ), written as (
         update promo.promo_offers o
            set name = w.name, destination_url = w.destination_url, click_id_parameter = w.click_id_parameter,
                landing_url = w.landing_url, weight = w.weight, active = w.active, archived = w.archived,
                origin = w.origin, updated_at = now()
           from wanted w
          where o._client_id = :client and o.id = :id
            and (o.name, o.destination_url, o.click_id_parameter, o.landing_url, o.weight, o.active, o.archived, o.origin)
                is distinct from (w.name, w.destination_url, w.click_id_parameter, w.landing_url, w.weight, w.active, w.archived, w.origin)
         returning 1
       )
       select exists (select from written) as changed from before`,
      {
        client,
        id: offerId,
        name: change.name ?? null,
        destination: change.destinationUrl ?? null,
        sets_parameter: change.clickIdParameter !== undefined,
        parameter: change.clickIdParameter ?? null,
        sets_landing: change.landingUrl !== undefined,
        landing: change.landingUrl ?? null,
        weight: change.weight ?? null,
        active: change.active ?? null,
        archived: change.archived ?? null,
        origin: change.origin ?? null,
      },
    ),
  );
  return rows[0]?.changed === true;
}
