import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  countThumbnails,
  dropThumbnails,
  dueThumbnails,
  storeThumbnail,
  type ThumbnailOutcome,
} from "../../queries/rtb/thumbnails.ts";
import { recognisePicture, type Picture } from "../../rules/rtb/picture.ts";
import { makePicture } from "../../sandbox/data/made-picture.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";
import type { Api } from "../server/parts.ts";

const url = (name: string) => `https://cdn.example/${name}.jpg`;
const hostile = `"><script>alert(1)</script>`;
let database: TestDatabase;
/** Client 713 consents, acme does not, cheap does. */
let api: Api;
let withdrawn: Api;
beforeAll(async () => {
  database = await testDatabase();
  const env = { THUMBNAIL_CONSENT_713: "on", THUMBNAIL_CONSENT_CHEAP: "on" };
  ({ api } = await pageServer({ database: database.pool, env }));
  ({ api: withdrawn } = await pageServer({ database: database.pool }));
}, 60_000);
afterAll(async () => {
  await api?.close();
  await withdrawn?.close();
  await database?.drop();
});
beforeEach(async () => {
  await database.pool.query("delete from rtb.creatives");
  await database.pool.query(
    `insert into rtb.creatives (_client_id, buyer_id, creative_id, format, advertiser_name, preview_url, last_seen_at, origin)
     values ('713', '88', 'kept', 'NATIVE', $1, '${url("kept")}', now(), 'real'), ('713', '88', 'gone', 'NATIVE', null, '${url("gone")}', now(), 'real'),
            ('713', '88', 'markup', 'HTML', null, null, now(), 'real'), ('713', '88', 'made', 'NATIVE', null, '${url("made")}', now(), 'sandbox'),
            ('acme', '9', 'theirs', 'NATIVE', null, '${url("theirs")}', now(), 'real'), ('cheap', '7', 'others', 'NATIVE', null, '${url("others")}', now(), 'real')`,
    [hostile],
  );
});

const bytes = makePicture("one", { width: 40, height: 20 });
const picture = { ...(recognisePicture(bytes) as Picture), bytes };
const stored: ThumbnailOutcome = { state: "stored", picture };
const idOf = async (creativeId: string) =>
  (await database.pool.query<{ id: string }>("select id::text from rtb.creatives where creative_id = $1", [creativeId]))
    .rows[0]?.id ?? "";
const store = async (client: string, name: string, outcome: ThumbnailOutcome = stored) =>
  storeThumbnail(database.pool, { client, id: await idOf(name), url: url(name), origin: "real" }, outcome);
const due = async (takesSandbox = false) =>
  (await dueThumbnails(database.pool, { client: "713", days: 30, takesSandbox, limit: 100 }))
    .map(({ url: address }) => address)
    .sort();
const rows = async () =>
  (
    await database.pool.query(
      `select c._client_id as client, c.creative_id as name, t.state, t.reason from rtb.creative_thumbnails t join rtb.creatives c on c.id = t.creative_id order by 1, 2`,
    )
  ).rows;
const age = (name: string, column: "tried_at" | "fetched_at", days: number) =>
  database.pool.query(
    `update rtb.creative_thumbnails t set ${column} = now() - $2 * interval '1 day' from rtb.creatives c where c.id = t.creative_id and c.creative_id = $1`,
    [name, days],
  );
const address = (name: string) => `/api/v1/rtb/creatives/${name}/thumbnail`;

describe("a picture that is kept is served", () => {
  test("byte for byte from our own address, as nothing that could run, and not again to whoever has it", async () => {
    await store("713", "kept");
    const answer = await api.inject({ url: address("kept"), headers: await bearer() });
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      "content-type": "image/png",
      "x-content-type-options": "nosniff",
      "content-disposition": 'attachment; filename="thumbnail.png"',
      "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "private, max-age=300",
    });
    const { etag } = answer.headers;
    const again = await api.inject({
      url: address("kept"),
      headers: { ...(await bearer()), "if-none-match": String(etag) },
    });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
  });

  test("to its client alone, and to nobody without consent, a token or the right role", async () => {
    await store("713", "kept");
    await store("acme", "theirs");
    const status = async (from: Api, name: string, as: Parameters<typeof bearer>[0] | null) =>
      (await from.inject({ url: address(name), headers: as === null ? {} : await bearer(as) })).statusCode;
    expect(await status(api, "kept", { client: "713", role: "analyst" })).toBe(200);
    expect(await status(api, "kept", { client: "cheap", role: "admin" })).toBe(404);
    expect(await status(api, "theirs", { client: "acme", role: "admin" })).toBe(404);
    expect(await status(withdrawn, "kept", { client: "713", role: "admin" })).toBe(404);
    expect(await status(api, "kept", null)).toBe(401);
    expect(await status(api, "kept", { client: "713", role: "advertiser", advertiser: "Nike" })).toBe(403);
    const page = async (from: Api, as: Parameters<typeof loggedIn>[1]) =>
      (
        await from.inject({
          url: "/creatives/kept/thumbnail?buyer_id=88&v=abc",
          headers: await loggedIn(database.pool, as),
        })
      ).statusCode;
    expect(await page(api, {})).toBe(200);
    expect(await page(api, { client: "cheap" })).toBe(404);
    expect(await page(withdrawn, {})).toBe(404);
  });

  test("only as long as the exchange lists the creative and names this picture", async () => {
    await store("713", "kept");
    const status = async () => (await api.inject({ url: address("kept"), headers: await bearer() })).statusCode;
    await database.pool.query(
      "update rtb.creatives set preview_url = 'https://cdn.example/new.jpg' where creative_id = 'kept'",
    );
    expect(await status()).toBe(404);
    await database.pool.query(
      "update rtb.creatives set preview_url = $1, vanished_at = now() where creative_id = 'kept'",
      [url("kept")],
    );
    expect(await status()).toBe(404);
    await database.pool.query("update rtb.creatives set vanished_at = null where creative_id = 'kept'");
    expect(await status()).toBe(200);
  });
});

describe("a picture is due", () => {
  test("that is not here; of what is made up only where the mock server answers", async () => {
    expect(await due()).toEqual([url("gone"), url("kept")]);
    expect(await due(true)).toEqual([url("gone"), url("kept"), url("made")]);
  });

  test("again after its days, after a day where it failed, and at once where it has another address", async () => {
    await store("713", "kept");
    await store("713", "gone", { state: "failed", reason: "answered 503" });
    expect(await due()).toEqual([]);
    await age("gone", "tried_at", 1);
    await age("kept", "tried_at", 29);
    expect(await due()).toEqual([url("gone")]);
    await age("kept", "tried_at", 31);
    expect(await due()).toEqual([url("gone"), url("kept")]);
    await store("713", "kept");
    await store("713", "gone", { state: "refused", reason: "a page" });
    await age("gone", "tried_at", 5);
    expect(await due()).toEqual([]);
    await database.pool.query("update rtb.creatives set preview_url = $1 where creative_id = 'kept'", [url("new")]);
    expect(await due()).toEqual([url("new")]);
  });

  test("and one that cannot be fetched again stays as it was, while one that is none any more goes", async () => {
    await store("713", "kept");
    await store("713", "kept", { state: "failed", reason: "answered 503" });
    expect(await rows()).toEqual([{ client: "713", name: "kept", state: "stored", reason: "answered 503" }]);
    expect((await api.inject({ url: address("kept"), headers: await bearer() })).statusCode).toBe(200);
    await store("713", "kept", { state: "refused", reason: "answered 404" });
    expect((await api.inject({ url: address("kept"), headers: await bearer() })).statusCode).toBe(404);
    const [size] = (await database.pool.query("select octet_length(content) as bytes from rtb.creative_thumbnails"))
      .rows;
    expect(size).toEqual({ bytes: null });
  });
});

describe("what may not be kept is deleted:", () => {
  const drop = (consenting: string[]) => dropThumbnails(database.pool, { consenting, days: 30 });

  test("all of a client that consents no more, which the audit log records, and nothing of another's", async () => {
    await store("713", "kept");
    await store("713", "gone", { state: "refused", reason: "a page" });
    await store("cheap", "others");
    expect(await drop(["713", "cheap"])).toBe(0);
    expect(await drop(["cheap"])).toBe(2);
    expect(await drop(["cheap"])).toBe(0);
    expect(await rows()).toMatchObject([{ client: "cheap", name: "others" }]);
    const audit = await database.pool.query("select _client_id as client, actor, action, details from ops.audit");
    expect(audit.rows).toEqual([
      {
        client: "713",
        actor: "pipeline",
        action: "thumbnails_deleted",
        details: { thumbnails: 2, reason: "THUMBNAIL_CONSENT is off" },
      },
    ]);
  });

  test("of creatives that vanished, have another picture, or are gone, and what is too old", async () => {
    for (const name of ["kept", "gone", "made"]) await store("713", name);
    await store("cheap", "others");
    await database.pool.query("update rtb.creatives set vanished_at = now() where creative_id = 'kept'");
    await database.pool.query("update rtb.creatives set preview_url = null where creative_id = 'gone'");
    await age("others", "fetched_at", 38);
    expect(await drop(["713", "cheap"])).toBe(3);
    expect(await rows()).toMatchObject([{ name: "made" }]);
    await database.pool.query("delete from rtb.creatives where creative_id = 'made'");
    expect(await rows()).toEqual([]);
  });
});

describe("the pages", () => {
  const open = async (from: Api, page: string) => {
    const answer = await from.inject({ url: page, headers: await loggedIn(database.pool) });
    expect(answer.statusCode).toBe(200);
    return answer;
  };

  test("show a picture from our own address, loaded when it is in sight, with a text; and else the outline", async () => {
    await store("713", "kept");
    const { body, headers } = await open(api, "/creatives?period=all");
    const pictures = [...body.matchAll(/<img [^>]*>/g)].map(([tag]) => tag);
    expect(pictures).toHaveLength(1);
    expect(pictures[0]).toMatch(/src="\/creatives\/kept\/thumbnail\?buyer_id=88&amp;v=[0-9a-f]{16}"/);
    expect(pictures[0]).toContain('width="240" height="88" loading="lazy"');
    expect(pictures[0]).toContain("Picture of creative kept of &quot;");
    expect(body.match(/<svg class="outline"/g)).toHaveLength(3);
    expect(body).not.toContain("cdn.example");
    expect(headers["content-security-policy"]).toContain("img-src 'self';");
    expect((await open(withdrawn, "/creatives?period=all")).body).not.toContain("<img ");
  });

  test("say of each creative why it has no picture", async () => {
    await store("713", "gone", { state: "refused", reason: "answered 404" });
    await store("713", "kept");
    await store("713", "kept", { state: "failed", reason: "answered 503" });
    const note = async (from: Api, name: string) =>
      /<figcaption[^>]*>(.*?)<\/figcaption>/
        .exec((await open(from, `/creatives/${name}`)).body)?.[1]
        ?.replaceAll(/<[^>]+>/g, "");
    expect(await note(api, "gone")).toBe("No picture: its picture is not shown: answered 404.");
    expect(await note(api, "kept")).toBe("An earlier picture: answered 503.");
    expect(await note(api, "markup")).toContain("names no picture of an HTML creative");
    expect(await note(api, "made")).toContain("not fetched yet");
    expect(await note(withdrawn, "kept")).toContain("THUMBNAIL_CONSENT is off");
  });

  test("say on the page of seats what was fetched, and without consent that nothing is", async () => {
    await store("713", "kept");
    await store("713", "gone", { state: "refused", reason: "answered 404" });
    const { body } = await open(api, "/seats");
    expect(body).toContain("Fetch thumbnails");
    expect((await compareFigures(api, body)).wrong).toEqual([]);
    expect(await countThumbnails(database.pool, "713")).toMatchObject({
      named: 3,
      unnamed: 1,
      stored: 1,
      refused: 1,
      failed: 0,
    });
    const without = (await open(withdrawn, "/seats")).body;
    expect(without).toContain("does not consent");
    expect(without).not.toContain("Fetch thumbnails");
  });
});
