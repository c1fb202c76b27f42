import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { applyRetention } from "../../activities/ops/apply-retention.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import { everyRow, testDatabase, type TestDatabase } from "../../test/database.ts";
import { client, createCampaign, judge, taken } from "../../test/reconciliation.ts";
import { openDispute } from "../recon/trust.ts";
import { cleanStored } from "./clean-stored.ts";
import { storedTexts } from "./stored-texts.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
  await plant();
});
afterEach(() => database.drop());

const run = (statement: string, values: unknown[] = []) => database.pool.query(statement, values);
const rows = async (statement: string) => (await run(statement)).rows as Record<string, unknown>[];
const toTheEnd = { forMs: 60_000, atOnce: 2 };

const person = ["jane.canary@example.com", "+1 (555) 010-0199", "Jane Canary"];
const [mail = "", phone = "", name = ""] = person;

/** As earlier versions stored them. */
async function plant(): Promise<void> {
  const { campaignId, affiliateIds } = await createCampaign(database.pool, ["one"]);
  const [affiliateId = ""] = affiliateIds;
  const { reportId, postId } = await taken(database.pool, { campaignId, affiliateId });
  await judge(database.pool, { reportId, postId, affiliateId });
  await openDispute(database.pool, { client, affiliateId, reportId, reason: `ask ${mail}` });
  await run("update recon.disputes set notes = $1", [`told ${phone}`]);
  await run("update recon.posts set title = $1, description = $2", [
    `by ${mail}`,
    `call ${phone}, https://x.example/p?who=canary`,
  ]);
  const alert = (area: string, subject: string, notes: string | null = null, by: string | null = null) =>
    run(
      `insert into ops.alerts (_client_id, area, kind, subject, severity, message, details, notes, resolved_by, resolved_at)
       values ('713', $1, 'file_refused', $2, 'warning', $2 || ' was refused: 12', $3, $4, $5, case when $5::text is not null then now() end)`,
      [area, subject, JSON.stringify({ fileId: 7, path: subject }), notes, by],
    );
  await alert("ingest", `in/${mail}.csv`);
  await alert("ingest", "in/bob.canary@example.com.csv");
  await alert("ingest", `in/${mail}.csv`, `fixed by ${mail}`, "ada");
  await alert("recon", "affiliate Canary Ltd", "2026-11-28: everything was counted", "pipeline");
  await run(
    `insert into ops.files (_client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, outcome, reason, run_id, workflow_id, started_at)
     values ('713', 'rtb.performance', $1, 'import', $2, 1, 'x', 'm', '1', 'o', 'refused', $3, 'r', 'w', now())`,
    [`${mail}.csv`, `in/${mail}/${phone}.csv`, `column ${mail} is not known`],
  );
  await run(
    "insert into ops.file_headers (file_id, _client_id, header, delimiter, mapping) values (1, '713', $1, ',', 'm'), (2, '713', 'sealed:x@y.example', ',', 'm')",
    [`creative_id,${mail}`],
  );
  await run(
    `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id, column_name)
     values ('713', 'rtb.performance', 'file/1', 2, $1, '', 'a', 'r', $2), ('713', 'redtrack.daily_spend', '2025-12-18', 2, 'cost "Jane Doe" is not an amount', '', 'b', 'r', null)`,
    [`spend "${name}" is not an amount`, mail],
  );
  const click = (id: string, referrer: string | null, bot: string | null) =>
    run(
      `insert into promo.promo_click_tracking (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, via, referrer, bot, is_bot)
       values ('713', $1, 1, 1, now(), current_date, 'api', $2, $3, $4)`,
      [id, referrer, bot, bot !== null],
    );
  await click("a", `https://x.example/inbox?user=${mail}`, null);
  await click("b", `${name} at home`, "JaneCanaryBot");
  await click("c", "https://x.example/news", "Twitterbot");
  await run(
    `insert into promo.promo_quarantine (_client_id, kind, event_id, reason, event) values
     ('713', 'click', 'q', 'conflict', $1), ('713', 'impression', 'i', 'conflict', '{"send_id": "daily"}'), ('713', 'click', 'bare', 'conflict', '{}')`,
    [JSON.stringify({ event_id: "q", referrer: `https://x.example/?${mail}`, bot: "JaneCanaryBot", variation_id: 1 })],
  );
  await run(
    `insert into anytrack.conversions (_client_id, conversion_key, type, source, campaign_id, event_time, version, date, seen_by_pull_at, _run_id, sub_ids, unknown_fields)
     values ('713', 'k', 'SALE', 'news', $1, now(), now(), '2025-12-18', now(), 'r', $2, $3)`,
    [`campaign of ${mail}`, JSON.stringify({ sub1: "x", sub2: mail, [mail]: "y" }), JSON.stringify(["page", mail])],
  );
  await run(
    "insert into ops.audit (_client_id, actor, action, subject, details) values ('713', 'ada', 'alert_resolved', 'alert/1', $1), ('713', 'ada', 'redriven', 'file/1', '{\"entries\": 3}')",
    [JSON.stringify({ area: "ingest", kind: "file_refused", of: `in/${mail}.csv`, notes: `told ${mail}` })],
  );
}

async function expectClean(): Promise<void> {
  const all = await everyRow(database.pool);
  for (const canary of [...person, "canary@example", "JaneCanaryBot", "who=canary"])
    expect([canary, all.includes(canary)]).toEqual([canary, false]);
}

test("what was stored before contacts were left out is cleaned as it would be stored today, and nothing else changes", async () => {
  expect(await cleanStored(database.pool, toTheEnd)).toBeGreaterThan(9);
  // Read by the same rules once more, all is as it would be stored.
  expect(await cleanStored(database.pool, { ...toTheEnd, edition: 2 })).toBe(0);
  await expectClean();
  expect(
    await rows(
      "select subject, message, details, notes, resolved_by as by, resolved_at is null as open from ops.alerts where kind = 'file_refused' order by alert_id",
    ),
  ).toEqual([
    // The two have one name now: one of them is enough.
    {
      subject: "in/[address].csv",
      message: "[address] was refused: 12",
      details: { fileId: 7, path: "in/[address].csv" },
      notes: null,
      by: null,
      open: true,
    },
    {
      subject: "in/[address].csv",
      message: expect.any(String),
      details: expect.anything(),
      notes: null,
      by: "pipeline",
      open: false,
    },
    {
      subject: "in/[address].csv",
      message: expect.any(String),
      details: expect.anything(),
      notes: "fixed by [e-mail]",
      by: "ada",
      open: false,
    },
    {
      subject: "affiliate Canary Ltd",
      message: "affiliate Canary Ltd was refused: 12",
      details: expect.anything(),
      notes: "2026-11-28: everything was counted",
      by: "pipeline",
      open: false,
    },
  ]);
  expect(await rows("select reason, column_name as column from ops.quarantine order by quarantine_id")).toEqual([
    { reason: 'spend "[text]" is not an amount', column: "[address]" },
    { reason: 'cost "Jane Doe" is not an amount', column: null },
  ]);
  expect(await rows("select event_id as id, referrer, bot from promo.promo_click_tracking order by 1")).toEqual([
    { id: "a", referrer: "https://x.example/inbox", bot: null },
    { id: "b", referrer: null, bot: "bot" },
    { id: "c", referrer: "https://x.example/news", bot: "Twitterbot" },
  ]);
  expect(
    await rows(
      "select source, campaign_id as campaign, sub_ids as subs, unknown_fields as unknown from anytrack.conversions",
    ),
  ).toEqual([{ source: "news", campaign: null, subs: { sub1: "x" }, unknown: ["(unreadable)", "page"] }]);
  expect(await rows("select header from ops.file_headers order by file_id")).toEqual([
    { header: "creative_id,[address]" },
    { header: "sealed:x@y.example" },
  ]);
  expect(await rows("select title, description from recon.posts order by post_id desc limit 1")).toEqual([
    { title: "by [e-mail]", description: "call [number], https://x.example/p" },
  ]);
});

test("maintenance does it", async () => {
  const config = loadConfig({ DATABASE_URL: database.url }, vendors, sources);
  await applyRetention({ database: database.pool, config, redact: (said) => said, schedules: [] });
  await expectClean();
});

test("the audit log stays one that only grows, and says that it was cleaned", async () => {
  await cleanStored(database.pool, toTheEnd);
  expect(await rows("select actor, action, subject, details from ops.audit order by audit_id")).toEqual([
    {
      actor: "ada",
      action: "alert_resolved",
      subject: "alert/1",
      details: { area: "ingest", kind: "file_refused", of: "in/[address].csv", notes: "told [e-mail]" },
    },
    { actor: "ada", action: "redriven", subject: "file/1", details: { entries: 3 } },
    { actor: "pipeline", action: "texts_cleaned", subject: "ops.audit", details: { rows: 1 } },
  ]);
  await expect(run("update ops.audit set actor = 'eve'")).rejects.toThrow("only ever grows");
});

test("stopped after each step it goes on where it was, and two at once do no more than one", async () => {
  const together = () => Promise.all([1, 2].map(() => cleanStored(database.pool, { forMs: 0, atOnce: 1 })));
  const changed: number[] = [];
  for (let step = 0; step < 100; step += 1) changed.push(...(await together()));
  await expectClean();
  expect(await rows("select count(*)::int as open from ops.cleanings where finished_at is null")).toEqual([
    { open: 0 },
  ]);
  expect(await rows("select count(*)::int as tables, sum(changed)::int as changed from ops.cleanings")).toEqual([
    { tables: storedTexts.length, changed: changed.reduce((sum, one) => sum + one, 0) },
  ]);
});

test("what was read to its end is not read again until the rules change, and then nothing is cleaned twice", async () => {
  await cleanStored(database.pool, toTheEnd);
  await run("update ops.files set reason = $1", [mail]);
  expect(await cleanStored(database.pool, toTheEnd)).toBe(0);
  expect(await cleanStored(database.pool, { ...toTheEnd, edition: 2 })).toBe(1);
  await expectClean();
  // An older version that still runs beside a newer one leaves it all alone.
  await run("update ops.files set reason = $1", [mail]);
  await run("update ops.cleanings set finished_at = null");
  expect(await cleanStored(database.pool, toTheEnd)).toBe(0);
  expect(await cleanStored(database.pool, { ...toTheEnd, edition: 3 })).toBe(1);
});
