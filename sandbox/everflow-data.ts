import { createHash } from "node:crypto";
import { chance } from "./chance.ts";
import {
  affiliatesOf,
  bulkPages,
  CROWDED_CLIENT,
  WIDE_CLIENT,
  type Affiliate,
  type Offer,
} from "./everflow-network.ts";

/** Nothing is known before it. */
export const FIRST_DAY = "2015-01-01";

/** One conversion or event, exact. */
export interface Conversion {
  id: string;
  /** Its day and second in New York. */
  day: string;
  second: number;
  status: string;
  /** `Base` for the conversion itself. */
  event: string;
  affiliate: Affiliate;
  offer: Offer;
  payoutMicros: bigint;
  revenueMicros: bigint;
}

/** Clicks of one affiliate on one offer. */
export interface Clicks {
  affiliate: Affiliate;
  offer: Offer;
  clicks: number;
}

export interface NetworkDay {
  conversions: readonly Conversion[];
  clicks: readonly Clicks[];
}

/** Every day has these seconds, also the one of 23 hours. */
const LAST_SECOND = 82_000;
/** The most conversions a page has. */
export const LARGEST_PAGE = 2_000;
const CACHED_CONVERSIONS = 450_000;
let cached = 0;
const cache = new Map<string, NetworkDay>();

/** A day as it stands once it is over. */
export function completeDay(client: string, day: string): NetworkDay {
  const place = `${client}/${day}`;
  const known = cache.get(place);
  if (known !== undefined) return known;
  const made = inventDay(client, day);
  cached += made.conversions.length;
  for (const [oldest, dropped] of cache) {
    if (cached <= CACHED_CONVERSIONS) break;
    cache.delete(oldest);
    cached -= dropped.conversions.length;
  }
  cache.set(place, made);
  return made;
}

function inventDay(client: string, day: string): NetworkDay {
  const draw = (...what: readonly (string | number)[]) => chance("everflow", client, day, ...what);
  const conversions: Conversion[] = [];
  const clicks: Clicks[] = [];
  const bulk = bulkPages(client);
  for (const affiliate of affiliatesOf(client)) {
    const count = conversionsOf(client, affiliate, draw(affiliate.id, "count"));
    for (let index = 0; index < count; index += 1) {
      const drawn = (what: string) => draw(affiliate.id, index, what);
      const offer = affiliate.offers[Math.floor(drawn("offer") * affiliate.offers.length)] ?? affiliate.offers[0];
      if (offer === undefined) continue;
      const second = Math.floor(drawn("second") * LAST_SECOND);
      const base = { day, second, status: statusAt(drawn("status")), affiliate, offer };
      conversions.push({
        ...base,
        id: conversionId(client, day, affiliate.id, index),
        event: "Base",
        payoutMicros: offer.payoutMicros,
        revenueMicros: offer.revenueMicros,
      });
      // What follows a conversion is an event of its own; some are paid.
      if (bulk === null && drawn("event") < 0.15) {
        const paid = drawn("paid") < 0.5;
        const amounts = { payoutMicros: paid ? offer.payoutMicros / 10n : 0n, revenueMicros: offer.revenueMicros / 5n };
        conversions.push({
          ...base,
          second: second + 60,
          id: conversionId(client, day, affiliate.id, index, "event"),
          event: "Upsell",
          ...amounts,
        });
      }
    }
    for (const offer of affiliate.offers) {
      const most = affiliate.usual * 40;
      const some =
        client === WIDE_CLIENT || client === CROWDED_CLIENT
          ? 1 + Math.floor(draw(affiliate.id, offer.id, "clicks") * 20)
          : Math.floor(most * (0.5 + draw(affiliate.id, offer.id, "clicks")));
      if (some > 0) clicks.push({ affiliate, offer, clicks: some });
    }
  }
  conversions.push(...adjustments(client, day));
  // The newest first, as the vendor shows them.
  conversions.sort((one, other) => other.second - one.second || (one.id < other.id ? -1 : 1));
  return { conversions, clicks };
}

/** On some days what a partner was paid is taken back, also on an offer without a click that day. */
function adjustments(client: string, day: string): Conversion[] {
  if (chance("everflow", client, day, "adjusted") > 0.3) return [];
  const all = affiliatesOf(client);
  const affiliate = all[Math.floor(chance("everflow", client, day, "whom") * all.length)];
  const offer = affiliate?.offers[0];
  if (affiliate === undefined || offer === undefined) return [];
  const id = conversionId(client, day, affiliate.id, "adjustment");
  return [
    {
      id,
      day,
      second: LAST_SECOND / 2,
      status: "approved",
      event: "Adjustment",
      affiliate,
      offer,
      payoutMicros: -3n * offer.payoutMicros,
      revenueMicros: -2n * offer.revenueMicros,
    },
  ];
}

/** A conversion that arrives while a client reads the day: later than all others, so that it moves them down the pages. */
export function lateConversion(client: string, day: string, index: number): Conversion {
  const all = affiliatesOf(client);
  const affiliate = all[index % all.length];
  const offer = affiliate?.offers[0];
  if (affiliate === undefined || offer === undefined) throw new Error(`client ${client} has no affiliates`);
  const { payoutMicros, revenueMicros } = offer;
  return {
    id: conversionId(client, day, "late", index),
    day,
    second: LAST_SECOND + 100 + (index % 600),
    status: "pending",
    event: "Base",
    affiliate,
    offer,
    payoutMicros,
    revenueMicros,
  };
}

function conversionsOf(client: string, affiliate: Affiliate, draw: number): number {
  const pages = bulkPages(client);
  if (pages !== null) return bulkShare(affiliate, affiliatesOf(client), pages * LARGEST_PAGE);
  return Math.floor(affiliate.usual * (0.6 + 0.8 * draw) + (affiliate.usual < 1 ? draw : 0));
}

/** So many over all affiliates, to the conversion; a day's adjustment comes on top. */
function bulkShare(affiliate: Affiliate, all: readonly Affiliate[], conversions: number): number {
  const each = Math.floor(conversions / all.length);
  return affiliate === all[0] ? conversions - each * (all.length - 1) : each;
}

function statusAt(draw: number): string {
  if (draw < 0.86) return "approved";
  if (draw < 0.91) return "pending";
  return draw < 0.97 ? "rejected" : "invalid";
}

function conversionId(...parts: readonly (string | number)[]): string {
  return createHash("sha256")
    .update(`everflow/${parts.join("/")}`)
    .digest("hex")
    .slice(0, 32);
}
