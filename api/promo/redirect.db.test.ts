import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { eventually } from "../../test/eventually.ts";
import type { Database } from "../../schema/database.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let api: Api;
let spool: string;
const env = () => ({ PROMO_SPOOL_DIR: spool, PROMO_CLICKS_PER_MINUTE: "1000" });

beforeAll(async () => void (database = await testDatabase()), 60_000);
afterAll(() => database.drop());
beforeEach(async () => {
  spool = mkdtempSync(path.join(tmpdir(), "promo-"));
  await database.pool.query(`
    truncate promo.promo_offers, promo.promo_text_variations, promo.promo_click_tracking, promo.promo_performance_metrics, promo.promo_refusals;
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url, click_id_parameter, active, archived)
    values ('713', 1, 'a', 'plain', 'https://plain.example/x?a=1#top', null, true, false),
           ('713', 2, 'b', 'counted', 'https://go.example/?sub1=old&a=%20b&sub1', 'sub1', true, false),
           ('713', 3, 'c', 'paused', 'https://paused.example', 's2s', false, false),
           ('713', 4, 'd', 'over', 'https://over.example', null, true, true),
           ('acme', 5, 'e', 'theirs', 'https://theirs.example', null, true, false);
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
    values ('713', 11, 1, 'x'), ('713', 21, 2, 'x'), ('713', 31, 3, 'x'), ('713', 41, 4, 'x'), ('acme', 51, 5, 'x')`);
  const { pool } = database;
  api = await testServer({ database: pool, counting: pool, identityKey: keyRing(randomBytes(32)), env: env() });
});
const stop = async () => {
  await api.close();
  rmSync(spool, { recursive: true, force: true });
};

const follow = (url: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" | "POST" = "GET") =>
  api.inject({ method, url, headers });
const clicks = async () =>
  (
    await database.pool.query<{ variation: number; clickId: string }>(
      `select _client_id as client, variation_id as variation, click_id as "clickId", via, device, referrer, ip_hash is not null as hashed
         from promo.promo_click_tracking order by id`,
    )
  ).rows;

describe("a redirect", () => {
  // The server is closed before anything is looked at that must not be there: what is behind a redirect is done then.
  test("leads to the offer, and counts the click of the variation that is named", async () => {
    const answer = await follow("/r/counted?promo_var=21&utm_source=newsletter&url=https://evil.example", {
      "user-agent":
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
      referer: "https://mail.example/inbox?u=ada",
    });
    expect([answer.statusCode, answer.body, answer.headers["cache-control"]]).toEqual([307, "", "no-store"]);
    await stop();
    const [click, ...more] = await clicks();
    expect(more).toEqual([]);
    expect(click).toEqual({
      client: "713",
      variation: 21,
      clickId: expect.stringMatching(/^[0-9a-f]{32}$/),
      via: "redirect",
      device: "mobile",
      referrer: "https://mail.example/inbox",
      hashed: true,
    });
    // Ours takes the place of one that was there; all else stays as it was written.
    expect(answer.headers.location).toBe(`https://go.example/?a=%20b&sub1=${click?.clickId ?? ""}`);
  });

  test("with a promo_var that is absent, foreign or none at all redirects and counts nothing", async () => {
    const numbers = ["21", "51", "999", "0", "-11", "11.0", "1e1", "99999999999999", "4294967307", "", "11%00"];
    for (const query of [
      "",
      "?promo_var[]=11",
      "?promo_var=11&promo_var=11",
      "?%",
      "?PROMO_VAR=11",
      ...numbers.map((one) => `?promo_var=${one}`),
    ]) {
      const answer = await follow(`/r/plain${query}`);
      expect([query, answer.statusCode, answer.headers.location]).toEqual([
        query,
        307,
        "https://plain.example/x?a=1#top",
      ]);
    }
    await stop();
    expect(await clicks()).toEqual([]);
  });

  test("with HEAD redirects and counts nothing; other methods and addresses are none", async () => {
    const answer = await follow("/r/counted?promo_var=21", {}, "HEAD");
    expect([answer.statusCode, answer.headers.location]).toEqual([307, "https://go.example/?sub1=old&a=%20b&sub1"]);
    expect((await follow("/r/counted?promo_var=21", {}, "POST")).statusCode).toBe(404);
    for (const url of ["/r/nothing?promo_var=21", "/r/", "/r/counted/more", "/r/over?promo_var=41", "/r/over"])
      expect((await follow(url)).statusCode).toBe(404);
    expect((await follow("/r/over", {}, "HEAD")).statusCode).toBe(404);
    await stop();
    expect(await clicks()).toEqual([]);
  });

  test("of an inactive offer redirects and counts: mail is opened for years", async () => {
    expect((await follow("/r/paused?promo_var=31")).headers.location).toMatch(
      /^https:\/\/paused\.example\/\?s2s=[0-9a-f]{32}$/,
    );
    await stop();
    expect(await clicks()).toMatchObject([{ variation: 31 }]);
  });

  test("of an offer, and of a variation, that were made a moment ago works", async () => {
    await follow("/r/plain");
    await database.pool.query(`
      insert into promo.promo_offers (_client_id, id, name, slug, destination_url) values ('713', 9, 'n', 'new', 'https://new.example');
      insert into promo.promo_text_variations (_client_id, id, offer_id, text_content) values ('713', 91, 9, 'x')`);
    await eventually(async () => expect((await follow("/r/new?promo_var=91")).statusCode).toBe(307));
    await stop();
    expect(await clicks()).toMatchObject([{ variation: 91 }]);
  });

  test("is never refused; what one address clicks beyond the limit is known and not counted", async () => {
    await stop();
    spool = mkdtempSync(path.join(tmpdir(), "promo-"));
    const { pool } = database;
    api = await testServer({ database: pool, counting: pool, env: { ...env(), PROMO_CLICKS_PER_MINUTE: "3" } });
    const answers = await Promise.all(Array.from({ length: 10 }, () => follow("/r/plain?promo_var=11")));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([307]));
    await stop();
    expect(await clicks()).toHaveLength(3);
    const { rows } = await database.pool.query("select kind, refused from promo.promo_refusals");
    expect(rows).toEqual([{ kind: "click", refused: 7 }]);
  });
});

describe("while the database hangs", () => {
  const hanging = { query: () => new Promise(() => undefined) } as unknown as Database;

  test("a redirect is answered from memory, and a process that starts then knows the offers of the one before", async () => {
    await follow("/r/plain");
    await api.close();
    api = await testServer({ database: hanging, env: env() });
    const took: number[] = [];
    for (let call = 0; call < 100; call++) {
      const started = performance.now();
      const answer = await follow("/r/counted?promo_var=21");
      took.push(performance.now() - started);
      expect(answer.statusCode).toBe(307);
    }
    // On a busy machine single ones take longer; none of them waited for the database, or most had.
    expect(took.sort((a, b) => a - b)[80]).toBeLessThan(50);
    await api.close();
    // The clicks are on the disk, and the next process counts them.
    api = await testServer({ database: database.pool, counting: database.pool, env: env() });
    await eventually(async () => expect(await clicks()).toHaveLength(100));
    await stop();
  });

  /** Hangs from some moment on. */
  const breakable = () => {
    const door = { isOpen: true };
    const query = (...args: [string]) => (door.isOpen ? database.pool.query(...args) : new Promise(() => undefined));
    return { door, counting: { query } as unknown as Database };
  };
  const restarted = async (counting: Database) => {
    await stop();
    spool = mkdtempSync(path.join(tmpdir(), "promo-"));
    api = await testServer({ database: database.pool, counting, env: env() });
  };

  test("an offer made or changed over the API moments before is known without a visit; an unknown one is not said to be none", async () => {
    const { door, counting } = breakable();
    await restarted(counting);
    await database.pool.query("alter table promo.promo_offers alter id restart with 100");
    const made = { name: "fresh", slug: "fresh", destination_url: "https://fresh.example/" };
    const headers = await bearer();
    const url = "/api/v1/promo/offers";
    const answer = await api.inject({ method: "POST", url, payload: made, headers });
    const change = { destination_url: "https://moved.example/" };
    const moved = await api.inject({ method: "PATCH", url: `${url}/1`, payload: change, headers });
    door.isOpen = false;
    expect([answer.statusCode, answer.json<{ slug: string }>().slug, moved.statusCode]).toEqual([201, "fresh", 200]);
    expect((await follow("/r/fresh")).headers.location).toBe("https://fresh.example/");
    expect((await follow("/r/plain")).headers.location).toBe("https://moved.example/");
    // What the database said a moment ago still holds for a moment.
    await eventually(async () =>
      expect([(await follow("/r/nothing")).statusCode, (await follow("/r/nothing", {}, "HEAD")).statusCode]).toEqual([
        503, 503,
      ]),
    );
    expect((await follow("/r/over")).statusCode).toBe(404);
    await stop();
  });

  test("an offer that another process made and an event named before is known without a visit", async () => {
    const { door, counting } = breakable();
    await restarted(counting);
    await database.pool.query(`
      insert into promo.promo_offers (_client_id, id, name, slug, destination_url) values ('713', 9, 'n', 'named', 'https://named.example');
      insert into promo.promo_text_variations (_client_id, id, offer_id, text_content) values ('713', 91, 9, 'x')`);
    const payload = { offer_id: 9, variation_id: 91 };
    const shown = await api.inject({ method: "POST", url: "/api/v1/promo/track-impression", payload });
    expect(shown.statusCode).toBe(204);
    // The question that the event made is on its way before the next one of the same connection.
    await eventually(() => expect(readFileSync(path.join(spool, "offers.json"), "utf8")).toContain("named.example"));
    door.isOpen = false;
    expect((await follow("/r/named")).statusCode).toBe(307);
    await stop();
  });

  test("a process that started without a database knows the offers once it is back, without a visit", async () => {
    let isAway = true;
    const query = (...args: [string]) =>
      isAway ? Promise.reject(new Error("ECONNREFUSED")) : database.pool.query(...args);
    await restarted({ query } as unknown as Database);
    expect((await follow("/r/plain")).statusCode).toBe(503);
    isAway = false;
    await eventually(() => expect(readFileSync(path.join(spool, "offers.json"), "utf8")).toContain("plain.example"));
    isAway = true;
    expect((await follow("/r/plain")).statusCode).toBe(307);
    await stop();
  });

  test("and no offer was ever known, the answer says that it may be asked again", async () => {
    await stop();
    api = await testServer({ database: hanging, env: { PROMO_SPOOL_DIR: path.join(spool, "none") } });
    const answer = await follow("/r/plain");
    expect([answer.statusCode, answer.json()]).toMatchObject([503, { error: "unavailable" }]);
    await stop();
  });
});
