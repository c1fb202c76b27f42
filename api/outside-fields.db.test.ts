import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing } from "../core/crypto.ts";
import { projectRoot } from "../settings/environment.ts";
import { fakeTemporal } from "../test/api-recon.ts";
import { bearer, testServer } from "../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../test/database.ts";
import { namesNobody, outsideFields } from "../test/outside-fields.ts";
import type { Api } from "./server/parts.ts";

const log: string[] = [];
const temporal = fakeTemporal();
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({
    database: database.pool,
    temporal: temporal.access,
    credentialsKey: keyRing(randomBytes(32)),
    log,
  });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

/** The fields that take any text, as `items[].name`. */
function textFields(schema: Schema, at = ""): string[] {
  const of = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].flatMap((one) =>
    textFields(one, at),
  );
  if (schema.items !== undefined) of.push(...textFields(schema.items, `${at}[]`));
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    of.push(...textFields(field, at === "" ? name : `${at}.${name}`));
  if (typeof schema.additionalProperties === "object") of.push(...textFields(schema.additionalProperties, `${at}.*`));
  const isText = [schema.type].flat().includes("string");
  const isFree = schema.enum === undefined && schema.const === undefined && schema.format === undefined;
  return isText && isFree && at !== "" ? [...of, at] : of;
}

test("each text that a route's body takes stands in the list of what comes from outside, with where a canary is planted in it", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<string, Record<string, { requestBody?: { content?: Record<string, { schema?: Schema }> } }>>;
  }>();
  const found: Record<string, string[]> = {};
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { requestBody }] of Object.entries(methods)) {
      const fields = Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => textFields(schema ?? {}));
      if (fields.length > 0) found[`${method.toUpperCase()} ${path}`] = [...new Set(fields)].sort();
    }
  const listed = Object.fromEntries(
    Object.entries(outsideFields).map(([route, fields]) => [route, Object.keys(fields).sort()]),
  );
  expect(found).toEqual(listed);
});

test("each test that the list names is there and plants", async () => {
  const named = new Set(Object.values(outsideFields).flatMap((fields) => Object.values(fields)));
  named.delete(namesNobody);
  for (const file of named)
    expect([file, /canary|@example\.com/i.test(await readFile(path.join(projectRoot(), file), "utf8"))]).toEqual([
      file,
      true,
    ]);
});

const here = "api/outside-fields.db.test.ts";

test("a contact that is typed into a note or a name stands in no log line and not in the audit log, which nobody can clean", async () => {
  const headers = await bearer({ role: "admin", subject: "root", client: "713" });
  const planted = new Set<string>();
  const canaries: string[] = [];
  const refused: string[] = [];
  const raise = async (kind: string) => {
    const { rows } = await database.pool.query<{ id: number }>(
      `insert into ops.alerts (_client_id, area, kind, subject, severity, message)
       values ('713', $1, 'k', $2, 'warning', 'm') returning alert_id as id`,
      [kind === "recon" ? "recon" : "sync", kind],
    );
    return String(rows[0]?.id);
  };
  const campaign = async () =>
    String((await database.pool.query<{ id: number }>("select min(campaign_id) as id from rtb.campaigns")).rows[0]?.id);
  const send = async (route: string, path: string, body: (canary: (field: string) => string) => object) => {
    const canary = (field: string) => {
      planted.add(`${route} ${field}`);
      canaries.push(`canary${canaries.length}x`);
      return `ask ${canaries.at(-1)}@mail.example`;
    };
    const [method = "", url = ""] = route.split(" ");
    const payload = body(canary);
    const answer = await api.inject({
      method: method as "POST",
      url: path === "" ? url : `/api/v1${path}`,
      headers,
      payload,
    });
    if (answer.statusCode >= 300 && ![404, 409].includes(answer.statusCode))
      refused.push(`${route} ${answer.statusCode} ${answer.payload}`);
    return answer.json<Record<string, unknown>>();
  };

  await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 1), ('713', 2)");
  for (const area of ["ops", "recon"])
    await send(`PUT /api/v1/${area}/alerts/{id}/resolve`, `/${area}/alerts/${await raise(area)}/resolve`, (canary) => ({
      notes: canary("notes"),
    }));
  const channel = await send("POST /api/v1/ops/channels", "", (canary) => ({
    ...{ name: canary("name"), kind: "webhook", address: "https://hooks.example.com/x" },
  }));
  await send("PUT /api/v1/ops/channels/{id}", `/ops/channels/${String(channel["channelId"])}`, (canary) => ({
    ...{ name: canary("name"), leastSeverity: "warning" },
  }));
  const mapping = (canary: (field: string) => string) => ({
    items: [
      {
        redtrackSourceId: "src",
        redtrackSourceName: canary("items[].redtrackSourceName"),
        everflowAffiliateLabel: canary("items[].everflowAffiliateLabel"),
        isInternal: true,
      },
    ],
  });
  await send("PUT /api/v1/cost/mapping", "", mapping);
  await send("POST /api/v1/cost/mapping/preview", "", (canary) => ({
    ...mapping(canary),
    ...{ from: "2025-12-01", to: "2025-12-02" },
  }));
  await send("PUT /api/v1/rtb/campaigns", "", (canary) => ({
    items: [{ campaignName: canary("items[].campaignName"), creativeIds: ["1", "2"] }],
  }));
  await send("POST /api/v1/recon/affiliates", "", (canary) => ({ name: canary("name") }));
  await send("POST /api/v1/recon/campaigns", "", (canary) => ({
    name: canary("name"),
    advertiserId: "1",
    platforms: ["reddit"],
  }));
  const offer = await send("POST /api/v1/promo/offers", "", (canary) => ({
    ...{ name: canary("name"), offer_type: "newsletter", destination_url: "https://shop.example/x", slug: "spring" },
  }));
  await send("PATCH /api/v1/promo/offers/{id}", `/promo/offers/${String(offer["offer_id"])}`, (canary) => ({
    name: canary("name"),
  }));
  const variation = await send(
    "POST /api/v1/promo/offers/{id}/variations",
    `/promo/offers/${String(offer["offer_id"])}/variations`,
    (canary) => ({ text_content: canary("text_content"), cta_text: canary("cta_text"), tone: canary("tone") }),
  );
  await send(
    "PATCH /api/v1/promo/variations/{id}",
    `/promo/variations/${String(variation["variation_id"])}`,
    (canary) => ({
      tone: canary("tone"),
    }),
  );
  await send("PATCH /api/v1/rtb/campaigns/{id}", `/rtb/campaigns/${await campaign()}`, (canary) => ({
    name: canary("name"),
    genre: canary("genre"),
  }));
  await send("POST /api/v1/rtb/campaigns/{id}/split", `/rtb/campaigns/${await campaign()}/split`, (canary) => ({
    ...{ name: canary("name"), creatives: ["1"] },
  }));
  const { rows: advice } = await database.pool.query<{ id: string }>(
    `insert into rtb.opportunities (_client_id, insight_type, campaign_id, subject, geography, current_metric_value, reference_value, recommendation, basis,
       current_spend_weekly, target_spend_weekly, potential_savings_weekly, potential_savings_weekly_low, confidence_score, window_from, window_to, evidence, held_on, _run_id)
     values ('713', 'undervalued_geo', $1, 'AO', 'AO', 0.3, 0.5, 'r', 'b', 1, 2, 3, 2, 0.95, '2025-12-18', '2025-12-18', '{}', '2025-12-18', 'r')
     returning opportunity_id::text as id`,
    [await campaign()],
  );
  await send(
    "POST /api/v1/rtb/opportunities/{id}/state",
    `/rtb/opportunities/${String(advice[0]?.id)}/state`,
    (canary) => ({ state: "dismissed", reason: canary("reason") }),
  );
  const asked = (canary: (field: string) => string) => ({
    ...{ subject: "day", metric: "cpc" },
    where: [{ dimension: "campaign", values: [canary("question.where[].values[]")] }],
    compare: {
      ...{ with: "slice", is: "above" },
      slice: { dimension: "advertiser", values: [canary("question.compare.slice.values[]")] },
      against: { dimension: "advertiser", values: [canary("question.compare.against.values[]")] },
    },
  });
  await send("POST /api/v1/rtb/questions/answer", "", (canary) => ({ question: asked(canary) }));
  const kept = (canary: (field: string) => string) => ({ name: canary("name"), question: asked(canary) });
  const { questionId } = await send("POST /api/v1/rtb/questions", "", kept);
  await send("PUT /api/v1/rtb/questions/{id}", `/rtb/questions/${String(questionId)}`, kept);

  const { rows: found } = await database.pool.query<{ id: string }>(
    `insert into findings.findings (_client_id, kind, subject, subject_name, currency, at_stake, cases, first_day, last_day, words, window_from, window_to, facts, held_on, _run_id)
     values ('713', 'paid_twice', 'affiliate/1/USD', 'One', 'USD', 1, 1, '2025-12-18', '2025-12-18', 'w', '2025-12-18', '2025-12-18', '{}', '2025-12-18', 'r')
     returning finding_id::text as id`,
  );
  await send("POST /api/v1/findings/{id}/state", `/findings/${String(found[0]?.id)}/state`, (canary) => ({
    ...{ state: "dismissed", reason: canary("reason") },
  }));

  const { rows } = await database.pool.query<{ row: string }>("select a::text as row from ops.audit a");
  const audit = rows.map(({ row }) => row).join("\n");
  expect(refused).toEqual([]);
  for (const canary of canaries) {
    expect([canary, log.join("\n").includes(canary)]).toEqual([canary, false]);
    expect([canary, audit.includes(`${canary}@`)]).toEqual([canary, false]);
  }
  const listed = Object.entries(outsideFields).flatMap(([route, fields]) =>
    Object.entries(fields).flatMap(([field, by]) => (by === here ? [`${route} ${field}`] : [])),
  );
  expect([...planted].sort()).toEqual(listed.sort());
});
