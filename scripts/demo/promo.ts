import path from "node:path";
import { clockTime, startOfDay } from "../../core/days.ts";
import { listOffers } from "../../queries/promo/offers.ts";
import { recordClicks, recordImpressions, type Counting } from "../../queries/promo/record.ts";
import type { OfferRow } from "../../queries/promo/shapes.ts";
import { choose } from "../../rules/promo/choose.ts";
import type { Click, Impression } from "../../rules/promo/events.ts";
import { seededRandom, type Random } from "../../rules/promo/random.ts";
import { projectRoot } from "../../settings/environment.ts";
import { loadOffersFile } from "../shared/offers-file.ts";
import type { Area, Demo } from "./demo.ts";

/** What readers really click, of the first offer's texts, the second's, and so on. */
const rates = [0.041, 0.024, 0.031, 0.018, 0.012, 0.009];
/** Mails go out at these hours, to so many readers; there are a few more every day. */
const sends = [
  { name: "morning", hour: 6, minute: 30, readers: 2_400 },
  { name: "evening", hour: 17, minute: 0, readers: 900 },
];
const growth = 6;
const devices = ["mobile", "mobile", "mobile", "mobile", "desktop", "desktop", "desktop", "tablet", "unknown"];
const bots = ["Barracuda", "GoogleImageProxy", "SafeLinks", "Slack"];
const atATime = 1_000;

/** Three months of newsletters with the example's offers: sends, clicks in the hours after them, bots, and what they earned. */
export const promo: Area = {
  name: "promo",
  vendors: [],
  joinsNoReal: true,
  counted: `select (select count(*) from promo.promo_impression_tracking where _client_id = $1 and tracked_date between $2 and $3)::int
                 + (select count(*) from promo.promo_click_tracking where _client_id = $1 and clicked_date between $2 and $3)::int as rows`,
  async fill(demo, show) {
    const { context, client, days, today } = demo;
    const database = await context.database();
    const file = path.join(projectRoot(), "examples", "promo.json");
    await loadOffersFile(database, { client, file, origin: "sandbox" });
    const offers = (await listOffers(database, { client, withArchived: false, afterId: null, limit: 100 })).filter(
      ({ origin }) => origin === "sandbox",
    );
    const timezone = context.config.promo.clients.get(client)?.timezone ?? "UTC";
    const counting: Counting = { zones: { [client]: timezone }, repeatWindowMs: 10_000 };
    show("newsletters");
    const all = days.flatMap((day, index) => sends.map((send) => newsletterOf({ day, send, index, offers, timezone })));
    // Of days that are over: repeated a minute later, it is the same.
    const end = startOfDay(today, timezone).toISOString();
    const past = <Event extends { at: string }>(events: Event[]) => events.filter(({ at }) => at < end);
    for (const part of inParts(past(all.map(({ impression }) => impression))))
      await recordImpressions(database, part, counting);
    show("clicks");
    const clicks = past([...all.flatMap(({ clicked }) => clicked), ...(await converted(demo, offers))]);
    for (const part of inParts(clicks)) await recordClicks(database, part, counting);
  },
};

interface Sent {
  day: string;
  send: (typeof sends)[number];
  index: number;
  offers: readonly OfferRow[];
  timezone: string;
}

/** The same for the same day: repeating it counts nothing twice. */
function newsletterOf({ day, send, index, offers, timezone }: Sent): { impression: Impression; clicked: Click[] } {
  const id = `demo-${day}-${send.name}`;
  const random = seededRandom(id);
  const candidates = offers.map((offer) => ({
    id: offer.offerId,
    ...offer,
    variations: offer.variations.map((one) => ({ id: one.variationId, ...one })),
  }));
  const chosen = choose(candidates, "fixed", random);
  if (chosen === null) throw new Error("the example has no offer to show");
  const { offer, variation } = chosen;
  const recipients = send.readers + growth * index + Math.floor(40 * random());
  const sentAt = clockTime(day, send.hour, send.minute, timezone).getTime();
  const texts = offers.flatMap(({ variations }) => variations.map(({ variationId }) => variationId));
  // Weekends read less.
  const weekend = [0, 6].includes(new Date(`${day}T12:00:00Z`).getUTCDay()) ? 0.6 : 1;
  const readers = Math.round(
    recipients * (rates[texts.indexOf(variation.id)] ?? 0.01) * weekend * (0.8 + 0.4 * random()),
  );
  const scanners = Math.round(readers * 0.12);
  const clicked = Array.from({ length: readers + scanners }, (_, number) => {
    const isBot = number >= readers;
    // Scanners follow links at once, people over the next hours.
    const hours = isBot ? random() / 12 : delayOf(random);
    const at = new Date(sentAt + hours * 3_600_000).toISOString();
    return clickOf({ id: `${id}-${number}`, variationId: variation.id, at, isBot, random });
  });
  const impression = {
    event_id: id,
    offer_id: offer.id,
    variation_id: variation.id,
    send_id: id,
    recipients,
    at: new Date(sentAt).toISOString(),
  };
  return { impression, clicked };
}

/** Most within the first hours, some in the days after. */
const delayOf = (random: Random) => (random() < 0.85 ? -3 * Math.log(1 - random()) : 12 + 60 * random());

interface Clicked {
  id: string;
  variationId: number;
  at: string;
  isBot: boolean;
  random: Random;
  clickId?: string;
}

function clickOf({ id, variationId, at, isBot, random, clickId }: Clicked): Click {
  const one = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  return {
    event_id: id,
    variation_id: variationId,
    at,
    via: "redirect",
    click_id: clickId ?? `demo${id.replaceAll("-", "")}`,
    referrer: null,
    device: isBot ? "bot" : one(devices),
    bot: isBot ? one(bots) : null,
    is_bot: isBot,
    ip_hash: null,
    body_hash: null,
    agent: null,
  };
}

/** Some conversions that the sandbox made up came of these mails: the click before each of them carries its click id. */
async function converted({ context, client, days, today }: Demo, offers: readonly OfferRow[]): Promise<Click[]> {
  const { rows } = await (
    await context.database()
  ).query<{ clickId: string; at: Date }>(
    `select click_id as "clickId", min(event_time) as at from anytrack.conversions
      where _client_id = $1 and origin = 'sandbox' and click_id is not null and event_time >= $2::date + 1
      group by 1 order by 1`,
    [client, days[0] ?? today],
  );
  const texts = offers.flatMap(({ variations }) => variations.map(({ variationId }) => variationId));
  return rows.flatMap(({ clickId, at }) => {
    const random = seededRandom(clickId);
    if (random() > 0.3) return [];
    const variationId = texts[Math.floor(random() ** 2 * texts.length)];
    if (variationId === undefined) return [];
    const before = new Date(at.getTime() - (5 + 90 * random()) * 60_000).toISOString();
    return [clickOf({ id: `demo-${clickId}`.slice(0, 90), variationId, at: before, isBot: false, random, clickId })];
  });
}

function* inParts<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let from = 0; from < items.length; from += atATime) yield items.slice(from, from + atATime);
}
