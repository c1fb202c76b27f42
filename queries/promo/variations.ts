import type { Queryable, Session } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import type { NewVariation, VariationRow } from "./shapes.ts";

const columns = `id as "variationId", offer_id as "offerId", text_content as "textContent", cta_text as "ctaText", tone,
  length_category as "lengthCategory", approved, weight::float8 as weight, impressions, clicks, raw_clicks as "rawClicks",
  bot_clicks as "botClicks", repeat_clicks as "repeatClicks", created_at as "createdAt", updated_at as "updatedAt"`;

/** Of these offers, the oldest first. */
export async function listVariations(
  database: Queryable,
  { client, offerIds }: { client: string; offerIds: readonly number[] },
): Promise<VariationRow[]> {
  const { rows } = await database.query<VariationRow>(
    `select ${columns} from promo.promo_text_variations where _client_id = $1 and offer_id = any($2) order by id`,
    [client, offerIds],
  );
  return rows;
}

export async function findVariation(
  database: Queryable,
  { client, variationId }: { client: string; variationId: number },
): Promise<VariationRow | null> {
  const { rows } = await database.query<VariationRow>(
    `select ${columns} from promo.promo_text_variations where _client_id = $1 and id = $2`,
    [client, variationId],
  );
  return rows[0] ?? null;
}

/**
 * The variation of an offer with these words, made if there is none: one that was made by the first of two equal calls is
 * found by the second. The offer's row must be locked.
 */
export async function createVariation(
  session: Session,
  of: { client: string; offerId: number; variation: NewVariation; id?: number | undefined },
): Promise<{ variationId: number; isNew: boolean }> {
  const { client, offerId, variation, id } = of;
  const { rows } = await session.query<{ variationId: number; isNew: boolean }>(
    named(
      `with found as (
         select id from promo.promo_text_variations
          where _client_id = :client and offer_id = :offer and text_content = :text and cta_text is not distinct from :cta
          order by id limit 1
       ), made as (
         insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, cta_text, tone, length_category, approved, weight)
         select :client, coalesce(:id::int, nextval('promo.promo_text_variations_id_seq')::int), :offer, :text, :cta, :tone, :length, :approved, :weight
          where not exists (select from found)
         returning id
       )
       select id as "variationId", false as "isNew" from found union all select id, true from made`,
      {
        client,
        id: id ?? null,
        offer: offerId,
        text: variation.textContent,
        cta: variation.ctaText,
        tone: variation.tone,
        length: variation.lengthCategory,
        approved: variation.approved,
        weight: variation.weight,
      },
    ),
  );
  return (rows as [{ variationId: number; isNew: boolean }])[0];
}

/** Two equal texts of an offer are not made at once. False where there is no such offer. */
export async function lockOffer(
  session: Session,
  { client, offerId }: { client: string; offerId: number },
): Promise<boolean> {
  const { rowCount } = await session.query(
    "select from promo.promo_offers where _client_id = $1 and id = $2 for no key update",
    [client, offerId],
  );
  return rowCount === 1;
}

export interface VariationChange {
  approved?: boolean | undefined;
  weight?: number | undefined;
  tone?: string | null | undefined;
  lengthCategory?: string | null | undefined;
}

/** The words stay: what was counted is of them. Whether anything was changed: not where there is no such variation. */
export async function changeVariation(
  session: Session,
  { client, variationId, change }: { client: string; variationId: number; change: VariationChange },
): Promise<boolean> {
  const { rows } = await session.query<{ changed: boolean }>(
    named(
      `with before as (
         select * from promo.promo_text_variations where _client_id = :client and id = :id for update
       ), wanted as (
         select coalesce(:approved::boolean, approved) as approved, coalesce(:weight::numeric, weight) as weight,
                case when :sets_tone then :tone::text else tone end as tone,
                case when :sets_length then :length::text else length_category end as length_category
           from before
       ), written as (
         update promo.promo_text_variations v
            set approved = w.approved, weight = w.weight, tone = w.tone, length_category = w.length_category, updated_at = now()
           from wanted w
          where v._client_id = :client and v.id = :id
            and (v.approved, v.weight, v.tone, v.length_category) is distinct from (w.approved, w.weight, w.tone, w.length_category)
         returning 1
       )
       select exists (select from written) as changed from before`,
      {
        client,
        id: variationId,
        approved: change.approved ?? null,
        weight: change.weight ?? null,
        sets_tone: change.tone !== undefined,
        tone: change.tone ?? null,
        sets_length: change.lengthCategory !== undefined,
        length: change.lengthCategory ?? null,
      },
    ),
  );
  return rows[0]?.changed === true;
}
