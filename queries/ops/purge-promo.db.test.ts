import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Origin } from "../../core/origin.ts";
import { readWebhookBody } from "../../rules/conversions/webhook-body.ts";
import { newOffer, newVariation, toNewOffer, toNewVariation } from "../../rules/promo/offer-shapes.ts";
import { inTransaction } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { promoEvents } from "../../test/promo-events.ts";
import { loadOffersFile } from "../../scripts/shared/offers-file.ts";
import { receiveEvents } from "../conversions/anytrack-events.ts";
import { loadOffers } from "../promo/load.ts";
import { changeOffer, findOfferBySlug, listOffers, type OfferChange } from "../promo/offers.ts";
import { raiseAlert } from "./alerts.ts";
import { countOthers, otherPurges } from "./purge-others.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

test("a purge deletes made-up offers with all that was counted of them, and no other", async () => {
  await loadOffersFile(database.pool, { client: "713", file: "examples/promo.json", origin: "sandbox" });
  await database.pool.query(`
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url, origin)
    values ('713', 901, 'real', 'real', 'https://real.example', 'real'), ('713', 902, 'before', 'before', 'https://before.example', 'unknown'),
           ('acme', 903, 'theirs', 'theirs', 'https://theirs.example', 'sandbox');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content) values ('713', 9010, 901, 'x')`);
  const events = promoEvents(database.pool, { "713": "UTC" });
  const { rows } = await database.pool.query<{ id: number; offer: number }>(
    "select id, offer_id as offer from promo.promo_text_variations where _client_id = '713' order by id",
  );
  for (const { id, offer } of rows) {
    await events.show(offer, id, new Date());
    await events.click(id, new Date(), {}, 2);
  }
  const counts = { offers: 3, variations: 6 };
  const tables = async () =>
    Object.fromEntries((await countOthers(database.pool, "713")).map(({ table, rows: count }) => [table, count]));
  expect(await tables()).toEqual({
    "promo.promo_offers": counts.offers,
    "promo.promo_text_variations": counts.variations,
    "promo.promo_impression_tracking": counts.variations,
    "promo.promo_click_tracking": 2 * counts.variations,
    "promo.promo_performance_metrics": counts.variations,
  });
  await otherPurges.promo(database.pool, "713", { atATime: 10, by: { actor: "cli:test", role: null } });
  expect(await tables()).toEqual({});
  const left = await database.pool.query("select id from promo.promo_offers order by id");
  expect(left.rows).toEqual([{ id: 901 }, { id: 902 }, { id: 903 }]);
  const events_ = await database.pool.query("select variation_id from promo.promo_click_tracking");
  expect(events_.rows).toEqual([{ variation_id: 9010 }, { variation_id: 9010 }]);
  const audit = await database.pool.query("select from ops.audit where action = 'sandbox_purged'");
  expect(audit.rowCount).toBe(3);
});

const offer = (slug: string) => ({
  id: undefined,
  offer: toNewOffer(newOffer.parse({ name: slug, slug, destination_url: "https://shop.example/" })),
  variations: [{ variation: toNewVariation(newVariation.parse({ text_content: "a text", approved: true })) }],
});
const load = (client: string, origin: Origin, ...slugs: string[]) =>
  inTransaction(database.pool, (session) =>
    loadOffers(session, { client, actor: { actor: "cli:test", role: null }, origin, offers: slugs.map(offer) }),
  );
const stored = async (client: string) =>
  (await listOffers(database.pool, { client, withArchived: true, afterId: null, limit: 100 })).map(
    ({ slug, origin }) => `${slug} ${origin}`,
  );
const purge = (client: string) =>
  otherPurges.promo(database.pool, client, { atATime: 10, by: { actor: "cli:test", role: null } });

test("a made-up offer never replaces a real one; a file of one's own or another destination makes it real, and no purge deletes it", async () => {
  const client = "adopts";
  await load(client, "real", "mine");
  expect(await load(client, "sandbox", "mine", "filed", "led", "weighed")).toMatchObject({
    offers: { inserted: 3, updated: 0, unchanged: 1 },
  });
  expect(await load(client, "real", "filed")).toMatchObject({ offers: { updated: 1 } });
  const change = async (slug: string, to: OfferChange) => {
    const found = await findOfferBySlug(database.pool, { client, slug });
    if (found === null) throw new Error(`no offer ${slug}`);
    const of = { client, offerId: found.offerId, change: to };
    await inTransaction(database.pool, (session) => changeOffer(session, of));
  };
  await change("led", { destinationUrl: "https://mine.example/" });
  await change("weighed", { weight: 3, destinationUrl: "https://shop.example/" });
  expect(await stored(client)).toEqual(["mine real", "filed real", "led real", "weighed sandbox"]);
  await purge(client);
  expect(await stored(client)).toEqual(["mine real", "filed real", "led real"]);
});

test("an offer whose click a vendor's conversion names stays; one whose click the sandbox's names goes, and so do its alerts", async () => {
  const client = "converts";
  await load(client, "sandbox", "bought", "played");
  const events = promoEvents(database.pool, { [client]: "UTC" });
  for (const [slug, origin] of [
    ["bought", "real"],
    ["played", "sandbox"],
  ] as const) {
    const found = await findOfferBySlug(database.pool, { client, slug });
    await events.click(found?.variations[0]?.variationId ?? 0, new Date(), { click_id: `click ${slug}` });
    await raiseAlert(database.pool, {
      ...{ client, area: "promo", kind: "lost_clicks", subject: `offer ${found?.offerId}` },
      ...{ severity: "warning", message: slug },
    });
    const event = { eventName: "Purchase", orderId: slug, clickId: `click ${slug}`, revenue: "10.00", currency: "USD" };
    const body = readWebhookBody(JSON.stringify([{ ...event, eventTime: "2025-12-18T12:00:00Z" }]), {
      now: new Date("2025-12-19T00:00:00Z"),
      visitorKey: "key",
    });
    if (body.kind === "problem") throw new Error(JSON.stringify(body.details));
    await receiveEvents(database.pool, { client, origin, ...body }, { halfLifeDays: 7 });
  }
  await purge(client);
  expect(await stored(client)).toEqual(["bought sandbox"]);
  const { rows } = await database.pool.query(
    "select message from ops.alerts where _client_id = $1 and resolved_at is null",
    [client],
  );
  expect(rows).toEqual([{ message: "bought" }]);
});
