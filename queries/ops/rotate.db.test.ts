import { isDeepStrictEqual } from "node:util";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { encrypt, keyRing, openSealed, seal, type KeyRing } from "../../core/crypto.ts";
import { createSeal } from "../../core/seal.ts";
import { identityContext } from "../../rules/conversions/identity.ts";
import { agentContext } from "../../rules/promo/events.ts";
import { credentialsContext, openCredentials } from "../../rules/recon/platform-credentials.ts";
import { channelContext } from "../../rules/ops/channel.ts";
import { inTransaction } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createCampaign, taken } from "../../test/reconciliation.ts";
import { readIdentities, keepIdentities } from "../conversions/delivery-identities.ts";
import { tokenContext } from "../recon/discord.ts";
import { keepEvidence, openEvidence } from "../recon/evidence.ts";
import { emailContext } from "../recon/keys.ts";
import { keepHeader, readHeader } from "../files/file-header.ts";
import { rotateColumn, sealedColumns } from "./rotate.ts";

const client = "713";
const by = { actor: "cli:ada", role: null };
const [first, second] = [randomBytes(32), randomBytes(32)];
const [before, during, after] = [keyRing(first), keyRing(second, first), keyRing(second)];

let database: TestDatabase;
let affiliateIds: string[];
let reportId: string;
beforeEach(async () => {
  database = await testDatabase();
  const created = await createCampaign(database.pool, ["one", "two", "three"]);
  affiliateIds = created.affiliateIds;
  const affiliateId = affiliateIds[0] ?? "";
  ({ reportId } = await taken(database.pool, { campaignId: created.campaignId, affiliateId }));
  await sealEverything(before);
});
afterEach(() => database.drop());

const rows = async <Row extends object>(statement: string, parameters: unknown[] = []) =>
  (await database.pool.query<Row>(statement, parameters)).rows;
const owner = (affiliateId: string | null) => ({ client, platform: "reddit", affiliateId });
const credentials = { REDDIT_CLIENT_ID: "canary" };
const json = Buffer.from(JSON.stringify(credentials));

async function sealEverything(keys: KeyRing): Promise<void> {
  const write = (statement: string, parameters: unknown[]) => database.pool.query(statement, parameters);
  await write(
    "insert into recon.platform_config (_client_id, platform, mode, sealed, updated_by) values ($1, 'reddit', 'real', $2, 'ada')",
    // As an earlier version did it, with the bytes of the setting.
    [client, encrypt(keys.current, json, credentialsContext(owner(null)))],
  );
  for (const affiliateId of affiliateIds) {
    const sealed = () => seal(keys, json, credentialsContext(owner(affiliateId)));
    await write(
      `insert into recon.affiliate_tokens (_client_id, affiliate_id, platform, sealed, offered_sealed, offer_id)
       values ($1, $2, 'reddit', $3, $4, gen_random_uuid())`,
      [client, affiliateId, sealed(), sealed()],
    );
    await write(
      "update recon.affiliates set email_sealed = $3, email_hash = $4 where _client_id = $1 and affiliate_id = $2",
      [client, affiliateId, seal(keys, Buffer.from("ada@example.com"), emailContext(client)), `hash ${affiliateId}`],
    );
  }
  await write(
    "insert into recon.discord_interactions (_client_id, report_id, application_id, sealed, expires_at) values ($1, $2, 'app', $3, now() + interval '15 minutes')",
    [client, reportId, seal(keys, Buffer.from("token"), tokenContext({ client, applicationId: "app" }))],
  );
  await write(
    `insert into ops.channels (_client_id, name, kind, sealed, hint, updated_by) values ($1, 'team', 'email', $2, 'an address', 'ada')
     on conflict (_client_id, name) do update set sealed = excluded.sealed`,
    [client, seal(keys, Buffer.from("ada@example.com"), channelContext(client))],
  );
  await write(
    `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id)
     values ($1, 'rtb.performance', 'file/9', 1, 'reason', $2, 'a', 'run'), ($1, 'rtb.performance', 'file/9', 2, 'reason', '', 'b', 'run')`,
    [client, quarantineSeal(keys).seal("a line")],
  );
  await inTransaction(database.pool, (session) =>
    keepHeader(
      session,
      { client, fileId: 9 },
      {
        header: "a header",
        delimiter: ",",
        mapping: "own",
        mappingContent: { name: "own" },
        seal: quarantineSeal(keys),
      },
    ),
  );
  await write(
    `insert into promo.promo_click_tracking (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, via, user_agent_sealed)
     values ($1, 'click', 1, 1, now(), current_date, 'api', $2)`,
    [client, seal(keys, Buffer.from("canary"), agentContext("click"))],
  );
  const evidence = { client, reportId, json: JSON.stringify("https://example.com"), key: keys, days: 90 };
  await inTransaction(database.pool, (session) => keepEvidence(session, evidence));
  await keepIdentities(database.pool, keys, { client: client, sentTo: ["meta"] }, [
    { conversionKey: "everflow:1", orderKey: null, identity: { client_user_agent: "canary" } },
  ]);
}

const quarantineSeal = ({ current, previous }: KeyRing) => createSeal([current, previous], "quarantine");

/** How many of the sealed values open with these keys, by whoever uses them. */
async function readable(keys: KeyRing): Promise<string[]> {
  const tokens = await rows<{ id: string; sealed: Buffer; offered: Buffer }>(
    "select affiliate_id::text as id, sealed, offered_sealed as offered from recon.affiliate_tokens order by 1",
  );
  const [config] = await rows<{ sealed: Buffer }>("select sealed from recon.platform_config");
  const emails = await rows<{ sealed: Buffer }>(
    "select email_sealed as sealed from recon.affiliates where email_sealed is not null",
  );
  const [token] = await rows<{ sealed: Buffer }>("select sealed from recon.discord_interactions");
  const evidence = await openEvidence(database.pool, { client, reportId }, keys);
  const identities = await readIdentities(database.pool, keys, client, [
    { conversionKey: "everflow:1", orderKey: null },
  ]);
  const opens = (sealed: Buffer | undefined, context: string) => {
    try {
      return openSealed(keys, sealed ?? Buffer.alloc(0), context).length > 0;
    } catch {
      return false;
    }
  };
  const [channel] = await rows<{ sealed: Buffer }>("select sealed from ops.channels");
  const [click] = await rows<{ sealed: Buffer }>("select user_agent_sealed as sealed from promo.promo_click_tracking");
  const [line] = await rows<{ content: string }>("select content from ops.quarantine where line = 1");
  const kept = await readHeader(database.pool, { client, fileId: 9 }, quarantineSeal(keys));
  const found: [string, boolean][] = [
    ["config", openCredentials(keys, owner(null), config?.sealed ?? Buffer.alloc(0)) !== null],
    ...tokens.map(({ id, sealed }): [string, boolean] => ["token", openCredentials(keys, owner(id), sealed) !== null]),
    ...tokens.map(({ id, offered }): [string, boolean] => [
      "offer",
      openCredentials(keys, owner(id), offered) !== null,
    ]),
    ...emails.map(({ sealed }): [string, boolean] => ["email", opens(sealed, emailContext(client))]),
    ["discord", opens(token?.sealed, tokenContext({ client, applicationId: "app" }))],
    ["evidence", evidence?.isOpen === true],
    ["identity", identities.size === 1],
    ["channel", opens(channel?.sealed, channelContext(client))],
    ["agent", opens(click?.sealed, agentContext("click"))],
    ["line", quarantineSeal(keys).open(line?.content ?? "") === "a line"],
    ["header", kept?.header === "a header"],
    ["mapping", kept !== null && isDeepStrictEqual(kept.mappingContent, { name: "own" })],
  ];
  return found.filter(([, isOpen]) => isOpen).map(([name]) => name);
}

const everything = [
  ...["config", "token", "token", "token", "offer", "offer", "offer", "email", "email", "email"],
  ...["discord", "evidence", "identity", "channel", "agent", "line", "header", "mapping"],
];

async function rotate(keys: KeyRing, { dryRun = false, columns = sealedColumns } = {}) {
  const counts = { current: 0, resealed: 0, unreadable: [] as string[] };
  for (const column of columns) {
    const ring = { credentialsKey: keys, identityKey: keys, quarantine: quarantineSeal(keys) };
    const one = await rotateColumn(database.pool, column, { keys: ring, by, atOnce: 2, dryRun });
    counts.current += one.current;
    counts.resealed += one.resealed;
    counts.unreadable.push(...one.unreadable.map((row) => `${one.column} ${row}`));
  }
  return counts;
}

/** A secret that no key opens is replaced by whoever needs it: it is for a month only. */
const replaced = "ops.address_secrets.sealed";

test("every column of the database that is named for being sealed is in the list", async () => {
  const found = await rows<{ name: string }>(
    `select table_schema || '.' || table_name || '.' || column_name as name from information_schema.columns
      where data_type = 'bytea' and table_schema not in ('pg_catalog', 'information_schema') and column_name ~ 'sealed$'`,
  );
  expect(sealedColumns.map(({ name }) => name)).toEqual(
    expect.arrayContaining(found.map(({ name }) => name).filter((name) => name !== replaced)),
  );
});

test("a change of keys loses nothing: both read, everything is re-sealed, and the previous key can go", async () => {
  expect(await readable(before)).toEqual(everything);
  expect(await readable(during)).toEqual(everything);
  expect(await readable(after)).toEqual([]);
  expect(await rotate(during)).toEqual({ current: 0, resealed: everything.length, unreadable: [] });
  expect(await readable(after)).toEqual(everything);
  expect(await readable(before)).toEqual([]);
  const audit = await rows<{ resealed: number }>(
    "select sum((details->>'resealed')::int)::int as resealed from ops.audit where action = 'keys_rotated' and actor = 'cli:ada'",
  );
  expect(audit).toEqual([{ resealed: everything.length }]);
});

test("a dry run counts what a run would do, and changes nothing", async () => {
  expect(await rotate(during, { dryRun: true })).toEqual({ current: 0, resealed: everything.length, unreadable: [] });
  expect(await readable(before)).toEqual(everything);
  expect(await rows("select from ops.audit where action = 'keys_rotated'")).toEqual([]);
});

test("a run that broke off in the middle goes on when it is started again, and a third changes nothing", async () => {
  const emails = sealedColumns.filter(({ name }) => name === "recon.affiliates.email_sealed");
  let asked = 0;
  const breaking = emails.map((column) => ({
    ...column,
    reseal: (...of: Parameters<typeof column.reseal>) => {
      asked += 1;
      if (asked === 3) throw new Error("killed");
      return column.reseal(...of);
    },
  }));
  await expect(rotate(during, { columns: breaking })).rejects.toThrow("killed");
  expect(await readable(after)).toEqual(["email", "email"]);
  expect(await readable(during)).toEqual(everything);
  expect(await rotate(during)).toEqual({ current: 2, resealed: everything.length - 2, unreadable: [] });
  expect(await readable(after)).toEqual(everything);
  expect(await rotate(during)).toEqual({ current: everything.length, resealed: 0, unreadable: [] });
});

test("what neither key opens is named and left as it is", async () => {
  const strange = seal(keyRing(randomBytes(32)), json, identityContext({ client, conversionKey: "everflow:1" }));
  await database.pool.query("update ops.delivery_identity set sealed = $1", [strange]);
  expect(await rotate(during)).toEqual({
    current: 0,
    resealed: everything.length - 1,
    unreadable: ["ops.delivery_identity.sealed 713/everflow:1"],
  });
  expect(await rows("select sealed from ops.delivery_identity")).toEqual([{ sealed: strange }]);
});
