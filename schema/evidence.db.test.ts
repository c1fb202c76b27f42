import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { sha256 } from "../core/crypto.ts";
import { databaseBefore, type OldDatabase } from "../test/old-database.ts";
import { migrateDatabase } from "./migrate.ts";

jest.setTimeout(60_000);

let old: OldDatabase;
beforeAll(async () => void (old = await databaseBefore(/_evidence$/)));
afterAll(() => old.drop());

test("evidence that lay in clear in the log is moved to where it can be sealed and deleted, and persons leave free text", async () => {
  await old.client.query(`
    insert into recon.campaigns (_client_id, advertiser_id, name) values ('713', 'a', 'c');
    insert into recon.platforms (_client_id, platform) values ('713', 'meta');
    insert into recon.affiliates (_client_id, name) values ('713', 'ada');
    insert into recon.posts (_client_id, campaign_id, affiliate_id, platform, url, title, description)
      values ('713', 1, 1, 'meta', 'u', 'by @canary_handle', 'ask canary@mail.example or +49 170 1234567, https://x.example/p?who=canary');
    insert into recon.affiliate_reports (_client_id, post_id, affiliate_id, claimed_views, claimed_clicks, claimed_conversions, evidence_data,
           submission_method, submission_key, content_hash, submitted_at) values
      ('713', 1, 1, 1, 1, 1, '{"note": "canary new"}', 'API', 'API:canary-key', 'h', now()),
      ('713', 1, 1, 2, 1, 1, '{"note": "canary old"}', 'DISCORD', 'DISCORD:17', 'h', now() - interval '91 days'),
      ('713', 1, 1, 3, 1, 1, null, 'API', 'content:h', 'h', now())`);
  await migrateDatabase(old.url);
  const { rows } = await old.client.query(
    "select report_id::int as id, evidence_data, submission_key as key, submitted_at from recon.affiliate_reports order by report_id",
  );
  expect(rows.map(({ id, evidence_data: evidence, key }) => ({ id, evidence, key }) as object)).toEqual([
    { id: 1, evidence: null, key: `API:${sha256("canary-key")}` },
    { id: 2, evidence: null, key: `DISCORD:${sha256("17")}` },
    { id: 3, evidence: null, key: "content:h" },
  ]);
  expect(
    (
      await old.client.query(
        "select report_id::int as id, unsealed, kept_until > now() + interval '89 days' as days from recon.report_evidence",
      )
    ).rows,
  ).toEqual([{ id: 1, unsealed: { note: "canary new" }, days: true }]);
  expect((await old.client.query("select title, description from recon.posts")).rows).toEqual([
    { title: "by [handle]", description: "ask [e-mail] or [number], https://x.example/p" },
  ]);
  await expect(old.client.query("update recon.affiliate_reports set claimed_views = 0")).rejects.toThrow(
    "only ever grows",
  );
});
