import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Agent, request } from "undici";
import { openDatabase, type Database } from "../../schema/database.ts";
import { migrateDatabase } from "../../schema/migrate.ts";
import { startPostgres } from "../../scripts/embedded/postgres.ts";
import { freePorts } from "../../scripts/embedded/process.ts";
import { Children } from "../children.ts";
import { startBenchPostgres } from "../stack.ts";

export interface PromoAnswer {
  status: number;
  body: { recorded?: boolean; event_id?: string };
  ms: number;
}

export interface PromoStack {
  spool: string;
  url: string;
  startApi: (env?: Record<string, string>) => Promise<ChildProcess>;
  /** Kills Postgres, and starts it again when what is awaited meanwhile is over. */
  withoutPostgres: (meanwhile: () => Promise<unknown>) => Promise<void>;
  port: number;
  postgresPort: number;
  /** Null where no answer came. */
  post: (route: string, body: object) => Promise<PromoAnswer | null>;
  follow: (slug: string, variation: number) => Promise<{ status: number; ms: number }>;
  /** Resolves when nothing waits on the disk any more. */
  untilCounted: () => Promise<void>;
  connect: () => Database;
  stop: () => Promise<void>;
}

/** Postgres and the API alone, with two offers of two texts each; `api` starts it again on the same port. */
export async function startPromoStack(connections: number): Promise<PromoStack> {
  const [port = 0] = await freePorts(1);
  const { folder, postgres: first, stop: stopPostgres } = await startBenchPostgres();
  const spool = path.join(folder, "spool");
  const postgresPort = Number(new URL(first.url).port);
  await migrateDatabase(first.url);
  const children = new Children(folder, {
    DATABASE_URL: first.url,
    API_PORT: String(port),
    API_JWT_SECRET: randomBytes(32).toString("base64"),
    IDENTITY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    TEMPORAL_ADDRESS: "127.0.0.1:1",
    LOG_LEVEL: "info",
    PROMO_SPOOL_DIR: spool,
    PROMO_IMPRESSIONS_PER_MINUTE: "100000000",
    PROMO_CLICKS_PER_MINUTE: "100000000",
  });
  const connect = () => openDatabase({ url: first.url, poolSize: 2, name: "drill" });
  const database = connect();
  await database.query(`
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url, click_id_parameter)
    values ('713', 1, 'one', 'one', 'https://one.example/', 'sub1'), ('713', 2, 'two', 'two', 'https://two.example/', null);
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
    values ('713', 11, 1, 'a'), ('713', 12, 1, 'b'), ('713', 21, 2, 'c'), ('713', 22, 2, 'd')`);
  await database.end();
  const dispatcher = new Agent({ connections, pipelining: 1 });
  const url = (route: string) => `http://127.0.0.1:${port}${route}`;
  let postgres = first;
  return {
    spool,
    url: first.url,
    port,
    postgresPort,
    connect,
    startApi: (env = {}) => children.start("api", "api/main.js", { env }),
    withoutPostgres: async (meanwhile) => {
      await postgres.kill();
      await meanwhile();
      postgres = await startPostgres({
        dataDir: path.join(folder, "postgres"),
        port: postgresPort,
        database: "signal_room",
      });
    },
    post: async (route, body) => {
      const began = performance.now();
      try {
        const answer = await request(url(`/api/v1/promo/${route}`), {
          method: "POST",
          dispatcher,
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        const text = await answer.body.text();
        return {
          status: answer.statusCode,
          body: (text === "" ? {} : JSON.parse(text)) as PromoAnswer["body"],
          ms: performance.now() - began,
        };
      } catch {
        return null;
      }
    },
    follow: async (slug, variation) => {
      const began = performance.now();
      const answer = await request(url(`/r/${slug}?promo_var=${variation}`), { dispatcher });
      await answer.body.dump();
      return { status: answer.statusCode, ms: performance.now() - began };
    },
    untilCounted: async () => {
      while ((await readdir(spool)).some((name) => name.endsWith(".spool"))) await wait(100);
    },
    stop: async () => {
      await dispatcher.destroy();
      children.killAll();
      await postgres.stop();
      await stopPostgres();
    },
  };
}

/** What the three places say that count: rows, variations with offers, and days. */
export async function readCounts(database: Database): Promise<{ rows: number; isOne: boolean; text: string }> {
  const { rows } = await database.query<{ rows: number; offers: number; variations: number; days: number }>(
    `select (select count(*) from promo.promo_impression_tracking) + (select count(*) from promo.promo_click_tracking) as rows,
            (select sum(total_impressions + total_raw_clicks)::bigint from promo.promo_offers) as offers,
            (select sum(impressions + raw_clicks)::bigint from promo.promo_text_variations) as variations,
            (select sum(impressions + raw_clicks)::bigint from promo.promo_performance_metrics) as days`,
  );
  const { rows: stored = 0, offers = 0, variations = 0, days = 0 } = rows[0] ?? {};
  return {
    rows: stored,
    isOne: stored === offers && stored === variations && stored === days,
    text: `${stored} rows; counters ${offers}, ${variations}, ${days}`,
  };
}
