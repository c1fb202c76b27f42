import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { promoEvents } from "../../test/promo-events.ts";
import { loadOffersFile } from "../../scripts/shared/offers-file.ts";
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
