import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import type { Api } from "../api/server/parts.ts";
import { testServer } from "./api-server.ts";
import { testDatabase, type TestDatabase } from "./database.ts";

/** For tests only: a server that listens, with one offer and its text. */
export interface PromoSite {
  database: TestDatabase;
  api: Api;
  url: string;
  counters: () => Promise<{ impressions: number; clicks: number }>;
  stop: () => Promise<void>;
}

export async function startPromoSite(): Promise<PromoSite> {
  const database = await testDatabase();
  await database.pool.query(`
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url) values ('713', 4, 'No Code MBA', 'nocodemba', 'https://shop.example/');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, approved) values ('713', 42, 4, 'Build your startup', true)`);
  const spool = await mkdtemp(path.join(os.tmpdir(), "promo-"));
  const api = await testServer({ database: database.pool, env: { PROMO_SPOOL_DIR: spool } });
  await api.listen({ port: 0, host: "127.0.0.1" });
  const counters = async () => {
    const { rows } = await database.pool.query<{ impressions: number; clicks: number }>(
      "select impressions, raw_clicks as clicks from promo.promo_text_variations where id = 42",
    );
    return rows[0] ?? { impressions: 0, clicks: 0 };
  };
  return {
    database,
    api,
    url: `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`,
    counters,
    stop: async () => {
      await api.close();
      await database.drop();
      await rm(spool, { recursive: true, force: true });
    },
  };
}
