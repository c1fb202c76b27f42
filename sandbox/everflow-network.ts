import { microsFromDecimal } from "./decimal.ts";

export interface Party {
  id: string;
  name: string;
}

export interface Offer extends Party {
  advertiser: Party;
  currency: string;
  payoutMicros: bigint;
  revenueMicros: bigint;
}

export interface Affiliate extends Party {
  /** Conversions on a usual day. */
  usual: number;
  offers: readonly Offer[];
}

/** Has 10,001 combinations of affiliate and offer on every day: one row more than a report holds. */
export const WIDE_CLIENT = "wide";

/** Has 12,000 affiliates on every day: more than a list holds, too. */
export const CROWDED_CLIENT = "crowd";

/** Clients `bulk-1`, `bulk-2` and so on have that many full pages of conversions on every day; others have no such share. */
export function bulkPages(client: string): number | null {
  const [, pages] = /^bulk-(\d{1,3})$/.exec(client) ?? [];
  return pages === undefined ? null : Number(pages);
}

const brand = { id: "1", name: "Brand A" };
const expedition = { id: "2", name: "EXP" };
const wellness = { id: "3", name: "Wellness & Söhne, Ltd." };

function offer(
  id: string,
  name: string,
  advertiser: Party,
  amounts: { currency: string; payout: string; revenue: string },
): Offer {
  const { currency, payout, revenue } = amounts;
  return {
    id,
    name,
    advertiser,
    currency,
    payoutMicros: microsFromDecimal(payout),
    revenueMicros: microsFromDecimal(revenue),
  };
}

const trial = offer("101", "CCW Trial", brand, { currency: "USD", payout: "45.00", revenue: "60.00" });
const upsell = offer("102", "CCW Upsell", brand, { currency: "USD", payout: "12.505", revenue: "19.95" });
const lead = offer("103", "EXP Lead", expedition, { currency: "USD", payout: "3.2", revenue: "4.505" });
const subscription = offer("104", "AWF2 Subscription", wellness, {
  currency: "USD",
  payout: "55.10",
  revenue: "79.99",
});
const europe = offer("201", "CCW Europe", brand, { currency: "EUR", payout: "38.5", revenue: "52.00" });
const britain = offer("202", "EXP UK", expedition, { currency: "GBP", payout: "30.25", revenue: "41.75" });

/** The first three are those of the mapping in spec/redtrack-spend.md; the others are partners who are paid. */
const affiliates: readonly Affiliate[] = [
  { id: "1011", name: "G2 - Meta", usual: 70, offers: [trial, upsell] },
  { id: "1012", name: "SB - Meta", usual: 24, offers: [subscription, trial] },
  { id: "1013", name: "G2 - Google", usual: 16, offers: [trial] },
  { id: "2001", name: "Łukasz & Söhne Media", usual: 14, offers: [trial, europe] },
  { id: "2002", name: "Clickbridge", usual: 11, offers: [lead, upsell, trial] },
  { id: "2003", name: "North, South & Co", usual: 8, offers: [britain] },
  { id: "2004", name: 'Partner "Quick" Ads', usual: 6, offers: [europe, britain, lead] },
  { id: "2005", name: "Newsletter Collective", usual: 5, offers: [subscription] },
  { id: "2006", name: "Coupon Harbour", usual: 4, offers: [trial, lead] },
  { id: "2007", name: "Señal Directa", usual: 3, offers: [europe] },
  { id: "2008", name: "Quiet Partner", usual: 0.4, offers: [lead] },
];

const wideOffers = Array.from({ length: 137 }, (_, index) =>
  offer(String(9_001 + index), `Wide offer ${index}`, [brand, expedition, wellness][index % 3] ?? brand, {
    currency: ["USD", "USD", "USD", "EUR"][index % 4] ?? "USD",
    payout: `${10 + (index % 40)}.505`,
    revenue: `${20 + (index % 50)}.25`,
  }),
);
const wideAffiliates: readonly Affiliate[] = Array.from({ length: 73 }, (_, index) => ({
  id: String(5_001 + index),
  name: `Wide affiliate ${index}`,
  usual: 60,
  offers: wideOffers,
}));

/** Most work on one offer, some on two. */
const crowd: readonly Affiliate[] = Array.from({ length: 12_000 }, (_, index) => ({
  id: String(20_001 + index),
  name: `Crowd affiliate ${index}`,
  usual: 0.4,
  offers: wideOffers.slice(index % 130, (index % 130) + (index % 10 === 0 ? 2 : 1)),
}));

/** Who works with a client's network. */
export function affiliatesOf(client: string): readonly Affiliate[] {
  if (client === CROWDED_CLIENT) return crowd;
  return client === WIDE_CLIENT ? wideAffiliates : affiliates;
}
