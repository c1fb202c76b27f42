import { differencesOf } from "../../rules/promo/offer-shapes.ts";
import type { Origin } from "../../core/origin.ts";
import type { Session } from "../../schema/database.ts";
import { recordAudit, type Actor, type AuditAction } from "../ops/audit.ts";
import { changeOffer, createOffer, findOfferBySlug } from "./offers.ts";
import type { NewOffer, NewVariation, OfferRow } from "./shapes.ts";
import { changeVariation, createVariation } from "./variations.ts";

/** An offer of a file with its texts. A number that links carry already is kept. */
export interface FileOffer {
  offer: NewOffer;
  id?: number | undefined;
  variations: { variation: NewVariation; id?: number | undefined }[];
}

/** What of a file cannot be loaded; nothing is. */
export class OfferProblem extends Error {}

interface Counts {
  inserted: number;
  updated: number;
  unchanged: number;
}

/**
 * Offers by slug and their texts by the words: what there is becomes what the file says, and what it does not name stays.
 * Made-up offers never change one that is not.
 */
export async function loadOffers(
  session: Session,
  { client, actor, offers, origin }: { client: string; actor: Actor; offers: readonly FileOffer[]; origin: Origin },
): Promise<{ offers: Counts; variations: Counts }> {
  const counts = { offers: none(), variations: none() };
  const record = (action: AuditAction, subject: string, details: object) =>
    recordAudit(session, { client, ...actor, action, subject, details: { ...details } });
  for (const { offer, id, variations } of offers) {
    let offerId = await createOffer(session, { client, offer, id, origin });
    if (offerId === null) {
      const stored = await storedOffer(session, { client, offer, id });
      if (origin === "sandbox" && stored.origin !== "sandbox") {
        counts.offers.unchanged += 1;
        counts.variations.unchanged += variations.length;
        continue;
      }
      offerId = await updateOffer(session, { client, stored, offer, origin, counts: counts.offers, record });
    } else {
      counts.offers.inserted += 1;
      await record("offer_created", `promo/offer/${offerId}`, offer);
    }
    for (const one of variations) {
      const { variationId, isNew } = await createVariation(session, { client, offerId, ...one });
      if (one.id !== undefined && one.id !== variationId)
        throw new OfferProblem(`${offer.slug}: the text of variation ${one.id} is variation ${variationId} already`);
      if (isNew) {
        counts.variations.inserted += 1;
        await record("variation_created", `promo/variation/${variationId}`, one.variation);
      } else {
        await updateVariation(session, { client, variationId, ...one, counts: counts.variations, record });
      }
    }
  }
  await passNumbers(session);
  return counts;
}

type RecordLoad = (action: AuditAction, subject: string, details: object) => Promise<void>;

async function storedOffer(
  session: Session,
  { client, offer, id }: { client: string; offer: NewOffer; id: number | undefined },
): Promise<OfferRow> {
  const stored = await findOfferBySlug(session, { client, slug: offer.slug });
  if (stored === null) throw new OfferProblem(`${offer.slug}: the slug is another client's`);
  if (id !== undefined && id !== stored.offerId)
    throw new OfferProblem(`${offer.slug}: is offer ${stored.offerId}, not ${id}`);
  if (stored.offerType !== offer.offerType)
    throw new OfferProblem(`${offer.slug}: its offer_type is ${stored.offerType}, which stays`);
  return stored;
}

async function updateOffer(
  session: Session,
  of: { client: string; stored: OfferRow; offer: NewOffer; origin: Origin; counts: Counts; record: RecordLoad },
): Promise<number> {
  const { client, stored, offer, origin, counts, record } = of;
  const { offerId } = stored;
  const changed = await changeOffer(session, { client, offerId, change: { ...offer, origin } });
  counts[changed ? "updated" : "unchanged"] += 1;
  if (changed)
    await record("offer_changed", `promo/offer/${offerId}`, { changed: differencesOf(stored, offer), ...offer });
  return offerId;
}

async function updateVariation(
  session: Session,
  of: { client: string; variationId: number; variation: NewVariation; counts: Counts; record: RecordLoad },
): Promise<void> {
  const { client, variationId, variation, counts, record } = of;
  const changed = await changeVariation(session, { client, variationId, change: variation });
  counts[changed ? "updated" : "unchanged"] += 1;
  if (changed) await record("variation_changed", `promo/variation/${variationId}`, variation);
}

const none = (): Counts => ({ inserted: 0, updated: 0, unchanged: 0 });

/** Numbers that a file chose are not drawn once more. Only nextval: a writer may not set a sequence. */
async function passNumbers(session: Session): Promise<void> {
  for (const table of ["promo_offers", "promo_text_variations"])
    await session.query(
      `select max(nextval('promo.${table}_id_seq')) from promo.${table}_id_seq s,
              generate_series(s.last_value + 1, (select max(id) from promo.${table}))`,
    );
}
