import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../api/server/parts.ts";
import { keyRing } from "../core/crypto.ts";
import { addDays, clockTime, dayAt } from "../core/days.ts";
import { catalogueState } from "../queries/intelligence/catalogue.ts";
import { refoldFunnels } from "../queries/files/funnel-sums.ts";
import { raiseAlert } from "../queries/ops/alerts.ts";
import { recordAudit } from "../queries/ops/audit.ts";
import { inTransaction } from "../schema/database.ts";
import { fakeTemporal, judge, makeAffiliate, makeCampaign } from "../test/api-recon.ts";
import { bearer } from "../test/api-server.ts";
import { readDay } from "../test/cost-readings.ts";
import { testDatabase, type TestDatabase } from "../test/database.ts";
import { walked } from "../test/page-addresses.ts";
import { formBody, loggedIn, pageServer } from "../test/page-server.ts";
import { promoEvents } from "../test/promo-events.ts";
import { close, madeSigningKey, storeDay } from "../test/payouts.ts";
import { readSpend } from "../test/spend-readings.ts";

/** A name that turns what follows it, opens more than it closes, and is of a script that runs from right to left. */
const nameOf = (what: string) => `\u202e\u2067${what}\u061c\u05d0 12`;
/** What a page shows of it: the characters that turn it are named, and the letters stay where they are. */
const shownName = (what: string) => `[U+202E][U+2067]${what}[U+061C]\u05d0 12`;
const turning = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const zone = "America/New_York";
const today = dayAt(new Date(), zone);
const yesterday = addDays(today, -1);

/** Every page that shows a name from outside, and which. */
const shown: Record<string, readonly string[]> = {
  "/": ["source", "affiliate"],
  "/spend?period=7d": ["source"],
  "/changes": ["source"],
  "/receipts/:receipt": ["source"],
  "/cost?period=7d": ["affiliate"],
  "/cost/days?period=7d": ["affiliate"],
  "/why?metric=revenue&from=:final&to=:final&affiliateId=4": ["affiliate"],
  "/why?metric=cost&from=:final&to=:final&sourceId=fb": ["source"],
  "/cost/mapping": ["source", "label"],
  "/conversions?period=7d": ["order", "type", "utm", "campaign-id"],
  "/conversions/anytrack/k1": ["order", "type", "utm", "campaign-id"],
  "/conversions/everflow?period=7d": ["affiliate", "offer"],
  "/conversions/everflow/ef-1": ["affiliate", "offer", "advertiser"],
  "/deliveries": ["answer"],
  "/creatives?period=all": ["format", "seat"],
  "/creatives?period=all&view=table": ["format", "seat"],
  "/creatives/77": ["format", "seat", "campaign"],
  "/seats": ["seat-name"],
  "/campaigns?period=all": ["campaign"],
  "/campaigns/:campaign": ["campaign", "format", "earlier", "decider"],
  "/campaigns/suggestions": ["suggested"],
  "/tie-out?period=7d": ["tied", "tied-order"],
  "/findings": ["found", "found-words"],
  "/findings/:finding": ["found", "found-words", "found-item", "found-reason"],
  "/pretargeting": ["config", "asked-for", "asker"],
  "/pretargeting/:plan": ["config", "asked-for", "why-state", "actor", "words", "candidate"],
  "/opportunities": ["campaign"],
  "/opportunities/:opportunity": ["campaign", "advice", "advice-reason"],
  "/opportunities/scorecard": ["campaign"],
  "/opportunities/countries": ["genre"],
  "/questions": ["question"],
  "/questions/ask?subject=campaign&metric=spend": ["campaign"],
  "/questions/:question": ["question"],
  "/waste": ["publisher", "filtered", "report-size", "invalid-publisher"],
  "/promo?days=30": ["promo"],
  "/promo/offers/4?days=30": ["promo", "text"],
  "/channels": ["channel"],
  "/channels/:channel": ["channel"],
  "/files": ["file"],
  "/files/1": ["file", "reason"],
  "/quarantine": ["reason"],
  "/quarantine/:entry": ["file", "reason"],
  "/reconciliation": ["person", "post-campaign"],
  "/reconciliation/queue": ["person", "post-campaign"],
  "/reconciliation/reports/:report": ["person", "post-campaign"],
  "/reconciliation/campaigns/:of": ["post-campaign", "advertiser-id"],
  "/reconciliation/affiliates": ["person"],
  "/reconciliation/affiliates/:person": ["person", "post-campaign"],
  "/claims": ["person", "post-campaign"],
  "/claims/:report": ["post-campaign"],
  "/statements": ["affiliate"],
  "/statements/:statement": ["affiliate", "offer"],
  "/statements/drafts/:thisMonth/4": ["affiliate", "offer"],
  "/statements/affiliates": ["affiliate", "person"],
  "/statements/affiliates/4": ["affiliate", "person"],
  "/alerts": ["subject"],
  "/audit": ["subject", "said"],
  "/sessions": ["viewer"],
};
/** Pages that show none but the name of who looks. */
const without = [
  // What is sent is shown by numbers of orders that AnyTrack takes, and nothing else.
  "/tie-out/resend",
  ...["/receipts", "/freshness", "/freshness/:source/:day", "/runs", "/runs/:id", "/cost/mapping/edit"],
  ...["/promo/new", "/channels/new", "/files/upload", "/files/preview/:id", "/reconciliation/platforms"],
  ...["/reconciliation/reports/:id/evidence", "/creatives/:id/thumbnail"],
  // Files: what they hold is checked by the test of their forms.
  ...["/statements/:id/html", "/statements/:id/csv", "/statements/:id/json"],
];

let database: TestDatabase;
let api: Api;
let isolating: Set<string>;
const ids: Record<string, string> = {};
beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  ({ api } = await pageServer({
    ...{ database: pool, temporal: fakeTemporal().access, credentialsKey: keyRing(randomBytes(32)) },
    env: { PROMO_ANALYTICS_CACHE_SECONDS: "0", PROMO_ANALYTICS_PER_MINUTE: "1000" },
  }));
  const style = await readFile(new URL("assets/style.css", import.meta.url), "utf8");
  const rule = /([^{}]*)\{\s*unicode-bidi: isolate;/.exec(style.replaceAll(/\/\*.*?\*\//gs, ""))?.[1] ?? "";
  // What is a block of its own isolates by itself.
  isolating = new Set(["bdi", "p", "pre", "div", ...rule.split(",").map((one) => one.trim())]);
  await fillSpend();
  await fillConversions();
  await fillCreatives();
  await fillRecon();
  await fillStatements();
  await fillOps();
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

async function fillSpend(): Promise<void> {
  const { pool } = database;
  const reading = { costs: { fb: "10", tt: "5" }, names: { fb: nameOf("source") } };
  await readSpend(pool, { day: yesterday, at: clockTime(yesterday, 10, 0, zone), ...reading });
  const last = await readSpend(pool, {
    ...{ day: yesterday, at: clockTime(today, 0, 30, zone) },
    ...{ costs: { fb: "12", tt: "5" }, names: reading.names },
  });
  await readSpend(pool, { day: today, at: clockTime(today, 1, 0, zone), ...reading });
  ids["receipt"] = String(last);
  // Only of two final days that stand against each other is it said whose rows changed.
  ids["final"] = addDays(today, -8);
  for (const [day, cost] of [
    [addDays(today, -9), "10"],
    [ids["final"], "12"],
  ] as const) {
    const counts = { clicks: 10, conversions: 1 };
    const stat = { affiliateId: "4", affiliateName: nameOf("affiliate"), offerId: "1", currency: "USD", payout: "1" };
    await readDay(pool, "713", {
      ...{
        day,
        isWhole: true,
        spend: [{ sourceId: "fb", sourceName: nameOf("source"), ...counts, cost, revenue: null }],
      },
    });
    await readDay(pool, "713", { day, isWhole: true, stats: [{ ...stat, ...counts, revenue: cost }] });
  }
  const items = [{ redtrackSourceId: "tt", everflowAffiliateLabel: nameOf("label"), isInternal: true }];
  const headers = await bearer();
  const put = await api.inject({ method: "PUT", url: "/api/v1/cost/mapping", headers, payload: { items } });
  expect(put.statusCode).toBe(200);
}

async function fillConversions(): Promise<void> {
  const { pool } = database;
  await pool.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     select '713', d::date, '4', $1, '1', '1', 'USD', 50, 10, 40, 300, 260, 0, d::text, 'r' from unnest($2::text[]) d`,
    [nameOf("affiliate"), [yesterday, today]],
  );
  await pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, advertiser_name, offer_id, offer_name, currency, payout, revenue, _slice, _run_id)
     values ('713', 'ef-1', $1::date, now(), 'approved', false, '4', $2, $3, '7', $4, 'USD', 1, 2, $1::text, 'r')`,
    [today, nameOf("affiliate"), nameOf("advertiser"), nameOf("offer")],
  );
  await pool.query(
    `insert into anytrack.conversions (_client_id, conversion_key, order_id, type, source, campaign_id, revenue, currency, event_time, version, date, seen_by_pull_at, _run_id, origin)
     values ('713', 'k1', $2, $3, $4, $5, 60, 'USD', now(), now(), $1, now(), 'r', 'real')`,
    [today, nameOf("order"), nameOf("type"), nameOf("utm"), nameOf("campaign-id")],
  );
  await pool.query(
    `insert into anytrack.touchpoints (_client_id, conversion_key, position, type, at, source, campaign_id, _run_id) values ('713', 'k1', 1, $1, now(), $2, $3, 'r')`,
    [nameOf("type"), nameOf("utm"), nameOf("campaign-id")],
  );
  await pool.query(
    `insert into ops.deliveries (_client_id, destination, conversion_key, event_id, event_name, event_time, value, currency, state, last_answer)
     values ('713', 'meta', 'anytrack:k1', 'anytrack:k1', 'Purchase', now(), 10, 'USD', 'failed', $1)`,
    [nameOf("answer")],
  );
}

async function fillCreatives(): Promise<void> {
  const { pool } = database;
  const put = async (url: string, items: object[]) =>
    expect((await api.inject({ method: "PUT", url, headers: await bearer(), payload: { items } })).statusCode).toBe(
      200,
    );
  await put("/api/v1/rtb/creatives", [{ creativeId: "77", format: nameOf("format"), buyerId: nameOf("seat") }]);
  await put("/api/v1/rtb/campaigns", [{ campaignName: "campaign", creativeIds: ["77"] }]);
  // Names are kept without what is not seen; those of earlier versions and of exchanges are not.
  await pool.query("update rtb.campaigns set campaign_name = $1", [nameOf("campaign")]);
  await pool.query(
    "insert into rtb.buyer_seats (_client_id, buyer_id, display_name, origin) values ('713', 's1', $1, 'real')",
    [nameOf("seat-name")],
  );
  ids["plan"] = await one(
    `insert into rtb.pretargeting_plans (_client_id, source, wanted, state, state_reason, title, bidder_id, config_id, config_name, created_by, candidates)
     values ('713', 'waste', '{"by":"country","value":"BR"}', 'overtaken', $1, $2, '2', '1', $3, $4, jsonb_build_array(jsonb_build_object('configId', '1', 'displayName', $5::text))) returning plan_id::text as id`,
    ["why-state", "asked-for", "config", "asker", "candidate"].map(nameOf),
  );
  await pool.query(
    "insert into rtb.pretargeting_events (_client_id, plan_id, kind, actor, words) values ('713', $1, 'overtaken', $2, $3)",
    [ids["plan"], nameOf("actor"), nameOf("words")],
  );
  ids["campaign"] = await one("update rtb.campaigns set campaign_name = $1 returning campaign_id::text as id", [
    nameOf("campaign"),
  ]);
  await pool.query(
    `insert into rtb.campaign_decisions (_client_id, actor, role, kind, campaign_id, name, earlier_name, anchors, creatives)
     values ('713', $1, 'admin', 'renamed', $2, $3, $4, '{}', '{}')`,
    [nameOf("decider"), ids["campaign"], nameOf("campaign"), nameOf("earlier")],
  );
  const report = "_client_id, buyer_id, date, _file_id, _line, _grain";
  const day = dayAt(new Date(), "UTC");
  await pool.query(
    `insert into rtb.report_publishers (${report}, hour, geography, publisher_id, publisher_name, bid_requests, bids) values ('713', 's1', $1, 1, 1, '', 3, 'BR', 'p', $2, 90000, 0)`,
    [day, nameOf("publisher")],
  );
  await inTransaction(pool, (session) => refoldFunnels(session, "713"));
  await pool.query(
    `insert into rtb.report_filtering (${report}, hour, geography, creative_id, filtering_reason, bids) values ('713', 's1', $1, 1, 1, '', 3, 'BR', '77', $2, 5)`,
    [day, nameOf("filtered")],
  );
  await pool.query(
    `insert into rtb.report_invalid (${report}, hour, geography, publisher_id, creative_id, publisher_name, invalid_impressions) values ('713', 's1', $1, 1, 1, '', 3, 'BR', 'q', '', $2, 5)`,
    [day, nameOf("invalid-publisher")],
  );
  await pool.query(
    `insert into rtb.report_quality (${report}, billing_id, creative_id, creative_size, creative_format, impressions) values ('713', 's1', $1, 1, 1, '', '', '77', $2, '', 5)`,
    [day, nameOf("report-size")],
  );
  await inTransaction(pool, (session) => refoldFunnels(session, "713"));
  // Of the catalogue as it is now: so nothing is made anew.
  await pool.query(
    `insert into rtb.cluster_runs (_client_id, is_dry_run, provider_asked, provider_used, creatives, groups, campaigns, created, removed, moved, input_hash, catalogue, suggested, workflow_id, _run_id, origin)
     values ('713', true, 'rule-based', 'rule-based', 1, 1, 1, 1, 0, 0, 'h', $1, $2, 'w', 'r', 'real')`,
    [
      await catalogueState(pool, { client: "713" }),
      JSON.stringify([
        {
          campaignId: null,
          name: nameOf("suggested"),
          namedBy: "rules",
          confidence: 0.9,
          modelConfidence: null,
          members: [],
          variants: [],
        },
      ]),
    ],
  );
  await fillAdvice();
  await fillFindings();
  await pool.query(
    `insert into promo.promo_offers (_client_id, id, name, slug, destination_url) values ('713', 4, $1, 'made', 'https://shop.example/')`,
    [nameOf("promo")],
  );
  await pool.query(
    `insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, approved) values ('713', 42, 4, $1, true)`,
    [nameOf("text")],
  );
  const { show, click } = promoEvents(pool, { "713": zone });
  await show(4, 42, new Date(), { recipients: 100 });
  await click(42, new Date());
}

/** Two of the one campaign: one that is open, and one that was done. */
async function fillAdvice(): Promise<void> {
  const { pool } = database;
  const side = { clicks: 10, spend: "3", impressions: 100, days: 2, dispersion: 1 };
  const evidence = {
    ...{ window: { from: yesterday, to: yesterday }, current: 0.3, reference: 0.5, ratio: 0.6, ratioBound: 0.7 },
    ...{ own: side, rest: side, shrunk: 0.4, peers: null, pooled: null, confidence: 0.95, p: 0.05, looks: 1 },
    togetherness: {},
  };
  await pool.query(
    `insert into rtb.opportunities (_client_id, insight_type, campaign_id, subject, geography, state, done_on, current_metric_value, reference_value, recommendation, basis,
       current_spend_weekly, target_spend_weekly, potential_savings_weekly, potential_savings_weekly_low, confidence_score, window_from, window_to, evidence, held_on, _run_id)
     select '713', 'undervalued_geo', campaign_id, g.country, g.country, g.state, case when g.state = 'done' then $1::date end, 0.3, 0.5, $2, 'b', 1, 2, 3, 2, 0.95, $1, $1, $3, $1, 'r'
       from rtb.campaigns, (values ('AO', 'new'), ('BR', 'done')) g(country, state) where campaign_name = $4`,
    [yesterday, nameOf("advice"), JSON.stringify(evidence), nameOf("campaign")],
  );
  await pool.query(
    `insert into rtb.opportunity_changes (_client_id, opportunity_id, actor, role, to_state, reason) select '713', opportunity_id, 'ada', 'admin', state, $1 from rtb.opportunities`,
    [nameOf("advice-reason")],
  );
  await pool.query(`insert into rtb.geographic_cells values ('713', $1, 'IE', 1, 200, 50, 900, true, $2, $2)`, [
    nameOf("genre"),
    yesterday,
  ]);
  await pool.query(
    `insert into rtb.geographic_patterns values ('713', $1, 'IE', 'BR', 4, 1, 4, 3, 5, 0.99, '{1,2}', '{Casino}', 5, 4, $2, $2)`,
    [nameOf("genre"), yesterday],
  );
  const asked = {
    subject: "campaign",
    metric: "spend",
    where: [{ dimension: "advertiser", values: [nameOf("asked")] }],
  };
  await pool.query(
    "insert into rtb.questions (_client_id, name, question, created_by, updated_by) values ('713', $1, $2, 'ada', 'ada')",
    [nameOf("question"), JSON.stringify(asked)],
  );
  await pool.query("select rtb.ensure_months(array[$1::date])", [yesterday]);
  await pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, impressions, clicks, date, _file_id, hour, geography, device_type, placement, spend)
     select '713', id, 9, 3, $1, 1, -1, 'BR', 'mobile', '', 2 from rtb.creatives where creative_id = '77'`,
    [yesterday],
  );
  ids["question"] = await one("select question_id::text as id from rtb.questions");
  ids["opportunity"] = await one("select opportunity_id::text as id from rtb.opportunities where state = 'new'");
}

async function fillFindings(): Promise<void> {
  const { pool } = database;
  const { rows } = await pool.query<{ id: string }>(
    `insert into findings.findings (_client_id, kind, subject, subject_name, currency, at_stake, cases, first_day, last_day, words, window_from, window_to, facts, held_on, _run_id)
     values ('713', 'paid_twice', 'affiliate/1/USD', $1, 'USD', 3, 1, $3, $3, $2, $3, $3, '{"currency":"USD"}', $3, 'r') returning finding_id::text as id`,
    [nameOf("found"), nameOf("found-words"), yesterday],
  );
  const id = rows[0]?.id ?? "";
  await pool.query(
    `insert into findings.finding_rows (_client_id, finding_id, position, date, item, said_by, amount, currency, other_said_by, other_amount, other_currency, at_stake)
     values ('713', $1, 1, $2, $3, $3, 3, 'USD', $3, 3, 'USD', 3)`,
    [id, yesterday, nameOf("found-item")],
  );
  await pool.query(
    "insert into findings.finding_changes (_client_id, finding_id, actor, role, to_state, reason) values ('713', $1, 'ada', 'admin', 'seen', $2)",
    [id, nameOf("found-reason")],
  );
  ids["finding"] = id;
  await pool.query(
    `insert into findings.tie_out_items (_client_id, item, date, difference, affiliate_id, affiliate, order_id, anytrack_key, anytrack_currency, anytrack_revenue, at_stake, currency, is_sandbox)
     values ('713', 'anytrack:order:x', $1, 'missing_in_everflow', '4', $2, $3, 'order:x', 'USD', 5, 5, 'USD', false)`,
    [yesterday, nameOf("tied"), nameOf("tied-order")],
  );
  await pool.query(
    `insert into findings.tie_out_days (_client_id, date, affiliate_id, affiliate, is_sandbox, everflow, anytrack, in_both, only_anytrack, missing_in_anytrack, missing_in_everflow, amount_differs, refused_by_everflow)
     values ('713', $1, '77', $2, false, 0, 1, 0, 1, 0, 1, 0, 0)`,
    [yesterday, nameOf("tied")],
  );
  await pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final) values ('713', 'everflow.conversions', $1::date::text, $1, 'America/New_York', true)
     on conflict on constraint slices_key do update set is_final = true`,
    [yesterday],
  );
}

async function fillRecon(): Promise<void> {
  const { pool } = database;
  const person = await makeAffiliate(pool, { client: "713", name: nameOf("person") });
  const campaignId = await makeCampaign(pool, {
    ...{ client: "713", name: nameOf("post-campaign"), advertiserId: nameOf("advertiser-id") },
  });
  ids["person"] = person.affiliateId;
  ids["of"] = campaignId;
  ids["report"] = await judge(pool, {
    ...{ client: "713", affiliateId: person.affiliateId, campaignId, platform: "meta" },
    ...{ url: "https://www.facebook.com/1000000000001", claimed: [9_431, 10, 1], verified: [100, 10, 1] },
    ...{ verdict: "DISCREPANCY", level: "HIGH" },
  });
}

async function fillStatements(): Promise<void> {
  const { pool } = database;
  const day = addDays(`${today.slice(0, 8)}01`, -1);
  ids["thisMonth"] = today.slice(0, 7);
  const more = { affiliateName: nameOf("affiliate"), offerName: nameOf("offer") };
  await storeDay(pool, { client: "713", day, found: [{ id: "st-1", affiliateId: "4", more }] });
  await pool.query(
    "insert into payouts.accounts (_client_id, affiliate_id, recon_affiliate_id, set_by) values ('713', '4', $1, 'ada')",
    [ids["person"]],
  );
  await close(pool, { client: "713", month: day.slice(0, 7), key: madeSigningKey(), now: new Date() });
  ids["statement"] = await one("select statement_id::text as id from payouts.statements");
}

async function fillOps(): Promise<void> {
  const { pool } = database;
  await raiseAlert(pool, {
    ...{ client: "713", area: "mapping-of-none", kind: "odd", subject: nameOf("subject"), severity: "critical" },
    ...{ message: `the end of ${nameOf("alert")} is near`, details: {} },
  });
  await recordAudit(pool, {
    ...{ client: "713", actor: "ada", role: "admin", action: "line_corrected", subject: nameOf("subject") },
    details: { note: nameOf("said") },
  });
  await pool.query(
    `insert into ops.files (file_id, _client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, outcome, lines, inserted, rejected, run_id, workflow_id, started_at)
     overriding system value values (1, '713', 'rtb.performance', $1, 'import', 'in', 10, 'aa', 'google', '1', 'o', 'ingested', 2, 1, 1, 'r', 'w', now())`,
    [nameOf("file")],
  );
  ids["entry"] = await one(
    `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id)
     values ('713', 'rtb.performance', 'file/1', 2, $1, 'sealed:x', 'h', 'run') returning quarantine_id::text as id`,
    [nameOf("reason")],
  );
  const made = await send("/channels/new", {
    ...{ name: "channel", kind: "slack", address: "https://hooks.slack.com/services/x" },
    ...{ leastSeverity: "warning", isActive: "on" },
  });
  ids["channel"] = String(made.headers.location).split("/").at(-1) ?? "";
  await pool.query("update ops.channels set name = $1", [nameOf("channel")]);
}

const one = async (statement: string, values: string[] = []) =>
  (await database.pool.query<{ id: string }>(statement, values)).rows[0]?.id ?? "";
const staff = () => loggedIn(database.pool, { subject: nameOf("viewer") });
async function send(url: string, fields: Record<string, string>) {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, payload, headers: { ...(await staff()), ...type } });
}

/** Each text of a page that holds a name from outside, and the element around it. */
function textsOf(html: string): { text: string; element: string; isAlone: boolean }[] {
  const pieces = html.split(/(<[^>]*>)/);
  return pieces.flatMap((text, index) => {
    if (index % 2 === 1 || !text.includes("[U+202E]")) return [];
    const [before = "", after = ""] = [pieces[index - 1], pieces[index + 1]];
    const element = /^<([a-z0-9]+)/.exec(before)?.[1] ?? "";
    // A field's text is its own world.
    if (element === "textarea" || element === "option") return [];
    return [{ text: text.trim(), element, isAlone: element !== "" && after === `</${element}>` }];
  });
}

/** What a page says: its texts but for those in fields, and the attributes that are shown or read out. */
function saidOf(html: string): string[] {
  const attributes = [...html.matchAll(/ (?:title|aria-label|alt)="([^"]*)"/g)].map(([, said = ""]) => said);
  return [...html.replaceAll(/<textarea.*?<\/textarea>/gs, "").split(/<(?:"[^"]*"|[^">])*>/), ...attributes];
}

/** What is beside a name in one element is turned by it. */
function loose(html: string): string[] {
  return textsOf(html)
    .filter(({ text, element, isAlone }) => !isAlone || !isolating.has(element) || !text.startsWith("[U+202E]"))
    .map(({ text, element }) => `${element}: ${text}`);
}

test("each page is one that shows names from outside, or one that shows none", () => {
  const pages = Object.keys(walked).filter((route) => !route.endsWith(".csv"));
  const shape = (route: string) =>
    (route.split("?")[0] ?? "").replaceAll(/:\w+/g, ":").replace(/\/(k1|ef-1|77|1|4)$/, "/:");
  const listed = new Set([...Object.keys(shown), ...without].map(shape));
  expect(pages.filter((route) => !listed.has(shape(route)))).toEqual([]);
});

test.each(Object.entries(shown))("%s keeps a name that turns the direction to itself", async (address, names) => {
  const url = address.replaceAll(/:(\w+)/g, (_, name: string) => ids[name] ?? "");
  const headers = address.startsWith("/claims")
    ? await loggedIn(database.pool, { role: null, affiliateId: ids["person"] ?? "", subject: nameOf("viewer") })
    : await staff();
  const { body, statusCode } = await api.inject({ url, headers });
  expect(statusCode).toBe(200);
  const texts = textsOf(body);
  expect(names.filter((name) => !texts.some(({ text }) => text.includes(shownName(name))))).toEqual([]);
  expect(loose(body)).toEqual([]);
  expect(body).not.toMatch(/<title>[^<]*U\+202E/);
  expect(saidOf(body).filter((one) => turning.test(one))).toEqual([]);
});

test("a sentence that names it is not turned either, in a page or in a message to a channel", async () => {
  for (const url of ["/", "/alerts"])
    expect((await api.inject({ url, headers: await staff() })).body).toContain("the end of alert\u05d0 12 is near<");
  expect(await one("select message as id from ops.alerts where kind = 'odd'")).not.toContain("\u202e");
});

test("what a change of the mapping would make of the figures is shown the same way", async () => {
  const fields = { source: "fb", sourceName: nameOf("source"), label: nameOf("affiliate"), kind: "external" };
  const { body } = await send("/cost/mapping/preview", fields);
  expect(textsOf(body).length).toBeGreaterThan(3);
  expect(loose(body)).toEqual([]);
});

const unescaped = (text: string) => text.replaceAll("&amp;", "&").replaceAll("&quot;", '"');
const opened = async (url: string) => {
  const headers = url.startsWith("/claims")
    ? await loggedIn(database.pool, { role: null, affiliateId: ids["person"] ?? "", subject: nameOf("viewer") })
    : await staff();
  const { body, statusCode } = await api.inject({ url, headers });
  return { body, statusCode };
};
const parameters = (address: string) => [...new URL(address, "http://page").searchParams];
const filled = (address: string) => address.replaceAll(/:(\w+)/g, (_, name: string) => ids[name] ?? "");

/** Heads of columns that sort: their links, and what they say of the order. */
const headsOf = (html: string) =>
  [...html.matchAll(/<th [^>]*aria-sort="(\w+)"[^>]*><a href="([^"]*)">([^<]*)/g)].map(
    ([, state, href = "", label]) => ({
      state,
      href: unescaped(href),
      label,
    }),
  );

test("a head that sorts says so, keeps the filters, and the export takes the same order", async () => {
  const wrong: unknown[] = [];
  let followed = 0;
  for (const address of Object.keys(shown).map(filled)) {
    for (const [index, { href, label }] of headsOf((await opened(address)).body).entries()) {
      followed += 1;
      const lost = parameters(address).filter(([name]) => !parameters(href).some(([kept]) => kept === name));
      const { body, statusCode } = await opened(href);
      const [name = "", sort] = parameters(href).find(([one]) => /sort/i.test(one)) ?? [];
      const now = headsOf(body).find((head) => head.label === label && head.state !== "none")?.state;
      const said = sort?.startsWith("-") === true || ["spend"].includes(sort ?? "") ? "descending" : "ascending";
      if (statusCode !== 200 || lost.length > 0 || now !== said) wrong.push([href, statusCode, lost, now]);
      const links = [...body.matchAll(/href="([^"]*\.csv[^"]*)"/g)].map(([, link = ""]) => unescaped(link));
      if (links.length === 0 || index > 0) continue;
      // A page with two lists has an export of each.
      const link = links.find((one) => parameters(one).some(([key, value]) => key === name && value === sort));
      const file = link === undefined ? undefined : await opened(link);
      if (file?.statusCode !== 200) wrong.push([href, links, file?.statusCode]);
    }
  }
  expect(wrong).toEqual([]);
  expect(followed).toBeGreaterThan(80);
});

test("no export has a cell that a spreadsheet would run, whatever field it came in", async () => {
  const hostile = "=cmd|' /C calc'!A0";
  for (const [table, columns] of Object.entries({
    "redtrack.daily_spend": ["source_name"],
    "everflow.daily_stats": ["affiliate_name"],
    "everflow.conversions": ["affiliate_name", "offer_name", "order_id", "status"],
    "anytrack.conversions": ["order_id", "type", "source", "campaign_id", "affiliate_id"],
    "ops.deliveries": ["last_answer", "event_name"],
    "ops.alerts": ["subject", "message", "notes"],
    "ops.files": ["name"],
    "ops.quarantine": ["reason"],
    "rtb.creatives": ["advertiser_name", "format", "approval_status"],
    "rtb.campaigns": ["campaign_name"],
    "rtb.buyer_seats": ["display_name", "last_reason"],
    "rtb.report_publishers": ["publisher_name"],
    "recon.affiliates": ["name"],
    "recon.campaigns": ["name"],
    "promo.promo_offers": ["name"],
    "promo.promo_text_variations": ["text_content"],
  }))
    await database.pool.query(`update ${table} set ${columns.map((column) => `${column} = $1`).join(", ")}`, [hostile]);
  await inTransaction(database.pool, (session) => refoldFunnels(session, "713"));
  await recordAudit(database.pool, {
    ...{ client: "713", actor: hostile, role: "admin", action: "line_corrected", subject: hostile },
    details: { note: hostile },
  });
  const wrong: unknown[] = [];
  const shielded: string[] = [];
  for (const [route, { address }] of Object.entries(walked)) {
    if (!route.endsWith(".csv")) continue;
    const { body, statusCode } = await opened(address.replace(":id", "1"));
    if (statusCode !== 200) wrong.push([route, statusCode]);
    const cells = (parse(body, { relax_column_count: true }) as string[][]).flat();
    const run = cells.filter((cell) => /^\s*[=+@-]/.test(cell) && !/^-\d+(\.\d+)?$/.test(cell));
    if (run.length > 0) wrong.push([route, run.slice(0, 3)]);
    if (cells.some((cell) => cell.startsWith("'=cmd"))) shielded.push(route);
  }
  expect(wrong).toEqual([]);
  expect(shielded).toEqual(
    expect.arrayContaining(["/conversions.csv", "/files.csv", "/quarantine.csv", "/alerts.csv", "/audit.csv"]),
  );
  expect(shielded.length).toBeGreaterThan(12);
});
