import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "@jest/globals";
import { ConnectorError } from "../errors.ts";
import { parseLossless } from "../lossless.ts";
import type { PageRequest } from "../source.ts";
import { bigquery } from "./bigquery.ts";
import { writeDay } from "./day-file.ts";
import { snowflake } from "./snowflake.ts";
import { untilOver, type DayQuestion, type Warehouse } from "./warehouse.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const columns = { COLUMNS: "creative_id,date,impressions,clicks,spend", MAX_BYTES: "1000000" };
const of = (prefix: string, more: Record<string, string>) => ({
  ...Object.fromEntries(Object.entries(columns).map(([name, value]) => [`${prefix}_${name}`, value])),
  ...more,
});

/** A question whose answers are those that were recorded, in order; what was asked is kept. */
function recorded(warehouse: Warehouse, answers: (string | ConnectorError)[], more: Partial<DayQuestion> = {}) {
  const asked: PageRequest[] = [];
  const waits: number[] = [];
  const question: DayQuestion = {
    http: {
      json: (request) => {
        asked.push(request);
        if (request.path === "/token") return Promise.resolve({ access_token: "t", expires_in: 3_599 });
        const answer = answers.shift();
        if (answer === undefined) throw new Error(`nothing was recorded for ${request.path}`);
        return answer instanceof ConnectorError ? Promise.reject(answer) : Promise.resolve(parseLossless(answer));
      },
    },
    account:
      warehouse === bigquery
        ? {
            secrets: {
              BIGQUERY_KEY: JSON.stringify({
                client_email: "reader@example.com",
                private_key: pem,
                project_id: "ours",
              }),
            },
            settings: of("BIGQUERY", { BIGQUERY_TABLE: "ours.ads.rows", BIGQUERY_LOCATION: "EU" }),
          }
        : {
            secrets: { SNOWFLAKE_PRIVATE_KEY: pem },
            settings: of("SNOWFLAKE", {
              SNOWFLAKE_TABLE: "ads.public.rows",
              SNOWFLAKE_ACCOUNT: "xy12345.eu-west-1",
              SNOWFLAKE_USER: "reader",
              SNOWFLAKE_TIMEOUT_SECONDS: "600",
              SNOWFLAKE_ROLE: "READER",
            }),
          },
    ...{ day: "2025-12-18", zone: "UTC", ticket: "ticket", generation: 0, isAgain: false },
    now: () => new Date("2025-12-19T08:00:00Z"),
    wait: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    onJob: () => undefined,
    ...more,
  };
  return { question, asked, waits, left: answers };
}

async function linesOf(warehouse: Warehouse, question: DayQuestion): Promise<string[]> {
  const file = await writeDay(await warehouse.ask(question), { day: question.day });
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.read()) chunks.push(chunk);
  await file.discard();
  return Buffer.concat(chunks).toString().trimEnd().split("\n");
}

const dryRun = '{"kind":"bigquery#queryResponse","jobComplete":true,"totalBytesProcessed":"999","cacheHit":false}';
const job = (state: string, error = "") =>
  `{"kind":"bigquery#job","jobReference":{"projectId":"ours","jobId":"signal_room_ticket_0","location":"EU"},"status":{"state":"${state}"${error}},"statistics":{"creationTime":"1766131200123"}}`;
const schema =
  '"schema":{"fields":[{"name":"creative_id","type":"STRING","mode":"NULLABLE"},{"name":"date","type":"DATE"},{"name":"impressions","type":"FLOAT"},{"name":"clicks","type":"INTEGER"},{"name":"spend","type":"NUMERIC"}]}';
const page = (rows: string, more = "") =>
  `{"kind":"bigquery#getQueryResultsResponse",${schema},"jobComplete":true,"totalRows":"3","rows":[${rows}]${more}}`;
const row = (...cells: (string | null)[]) => JSON.stringify({ f: cells.map((v) => ({ v })) });

test("BigQuery: an estimate, a job, looks until it is done, and pages as they were recorded", async () => {
  const { question, asked, waits } = recorded(bigquery, [
    dryRun,
    job("PENDING"),
    job("RUNNING"),
    job("DONE"),
    page(
      `${row('c"1', "2025-12-18", "1.1E2", "7", "0.123456789")},${row("c,2", "2025-12-18", "4.0", "0", "99999999999.1")}`,
      ',"pageToken":"BFY2"',
    ),
    page(row("c3", "2025-12-18", "0.0", "0", null)),
  ]);
  expect(await linesOf(bigquery, question)).toEqual([
    "creative_id,date,impressions,clicks,spend",
    '"c""1",2025-12-18,110,7,0.123456789',
    '"c,2",2025-12-18,4,0,99999999999.1',
    "c3,2025-12-18,0,0,",
  ]);
  expect(waits).toEqual([500]);
  const [, dry, run, look, , first, second] = asked;
  expect(dry).toMatchObject({
    path: "/bigquery/v2/projects/ours/queries",
    body: { dryRun: true, location: "EU", useLegacySql: false },
  });
  expect(run).toMatchObject({
    path: "/bigquery/v2/projects/ours/jobs",
    body: {
      jobReference: { jobId: "signal_room_ticket_0", location: "EU" },
      configuration: {
        query: {
          maximumBytesBilled: "1000000",
          parameterMode: "NAMED",
          queryParameters: [{ name: "day", parameterType: { type: "DATE" }, parameterValue: { value: "2025-12-18" } }],
        },
      },
    },
  });
  expect(JSON.stringify(run)).not.toContain("= '2025-12-18'");
  expect(look).toMatchObject({
    path: "/bigquery/v2/projects/ours/jobs/signal_room_ticket_0",
    query: { location: "EU" },
  });
  expect(first?.query).not.toHaveProperty("pageToken");
  expect(second?.query).toMatchObject({ pageToken: "BFY2", location: "EU" });
});

test("BigQuery: a job that failed for an earlier attempt is tried again under another name, one's own failure is thrown", async () => {
  const taken = new ConnectorError("rejected", "Already Exists", { code: "duplicate" });
  const failed = job("DONE", ',"errorResult":{"reason":"backendError","message":"oops"}');
  const again = recorded(bigquery, [
    dryRun,
    taken,
    failed,
    job("DONE").replace("ticket_0", "ticket_1"),
    page(row("c", "2025-12-18", "1", "0", "1")).replace('"3"', '"1"'),
  ]);
  expect(await linesOf(bigquery, again.question)).toHaveLength(2);
  expect(again.left).toEqual([]);
  const own = recorded(bigquery, [dryRun, failed]);
  await expect(bigquery.ask(own.question)).rejects.toMatchObject({ kind: "unavailable", code: "backendError" });
});

test("BigQuery: a result that is cut short is no day", async () => {
  const { question } = recorded(bigquery, [dryRun, job("DONE"), page(row("c", "2025-12-18", "1", "0", "1"))]);
  await expect(linesOf(bigquery, question)).rejects.toThrow("the answer is cut short: 1 of 3 rows came");
});

const plan = `{"resultSetMetaData":{"numRows":1,"format":"jsonv2","partitionInfo":[{"rowCount":1}],"rowType":[{"name":"content","type":"text"}]},"data":[[${JSON.stringify('{"GlobalStats":{"partitionsTotal":12,"partitionsAssigned":1,"bytesAssigned":4096},"Operations":[[]]}')}]],"code":"090001","statementHandle":"01b","createdOn":1766131200123}`;
const underWay =
  '{"code":"333334","message":"Asynchronous execution in progress.","statementHandle":"01c-0a","statementStatusUrl":"/api/v2/statements/01c-0a"}';
const result =
  '{"resultSetMetaData":{"numRows":3,"format":"jsonv2","partitionInfo":[{"rowCount":2},{"rowCount":1}],"rowType":[{"name":"CREATIVE_ID","type":"text"},{"name":"DATE","type":"date"},{"name":"IMPRESSIONS","type":"fixed","scale":0},{"name":"CLICKS","type":"fixed"},{"name":"SPEND","type":"real"}]},"data":[["c1","20440","110","7","1.1e2"],["c2","20440","12345678901234567","0","0.5"]],"code":"090001","statementHandle":"01c-0a","createdOn":1766131200123}';

test("Snowflake: a plan, 202 and looks, then partitions as they were recorded", async () => {
  const { question, asked } = recorded(snowflake, [
    plan,
    underWay,
    underWay,
    result,
    '{"data":[[null,"20440",null,"0","3"]]}',
  ]);
  expect(await linesOf(snowflake, question)).toEqual([
    "creative_id,date,impressions,clicks,spend",
    "c1,2025-12-18,110,7,110",
    "c2,2025-12-18,12345678901234567,0,0.5",
    ",2025-12-18,,0,3",
  ]);
  const [explained, run, look, , partition] = asked;
  expect(explained?.body).toMatchObject({
    statement: expect.stringMatching(/^EXPLAIN USING JSON SELECT "CREATIVE_ID"/),
    role: "READER",
  });
  expect(run).toMatchObject({
    path: "/api/v2/statements",
    query: { requestId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/), async: true },
    body: {
      statement: expect.stringContaining('WHERE "DATE" = ?::DATE'),
      bindings: { "1": { type: "TEXT", value: "2025-12-18" } },
      timeout: 600,
    },
    headers: { "X-Snowflake-Authorization-Token-Type": "KEYPAIR_JWT" },
  });
  expect(run?.query).not.toHaveProperty("retry");
  expect(look?.path).toBe("/api/v2/statements/01c-0a");
  expect(partition?.query).toEqual({ partition: 1 });
  const [, claims = ""] = String(run?.headers?.["authorization"]).split(".");
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
    sub: "XY12345.READER",
    iss: expect.stringMatching(/^XY12345\.READER\.SHA256:[A-Za-z0-9+/]{43}=$/),
    exp: Date.parse("2025-12-19T08:55:00Z") / 1_000,
  });
});

test("Snowflake: another attempt asks with the same request id, and says that it does", async () => {
  const first = recorded(snowflake, [plan, result, '{"data":[["c3","20440","1","0","3"]]}']);
  await linesOf(snowflake, first.question);
  const second = recorded(snowflake, [plan, result, '{"data":[["c3","20440","1","0","3"]]}'], { isAgain: true });
  await linesOf(snowflake, second.question);
  expect(second.asked[1]?.query).toEqual({ ...first.asked[1]?.query, retry: true });
});

test.each([
  [
    "bigquery",
    bigquery,
    [dryRun.replace("999", "1000001")],
    "BIGQUERY_MAX_BYTES allows 1000000 bytes (1.0 MB): it was not run",
  ],
  [
    "snowflake",
    snowflake,
    [plan.replace("4096", "1000001")],
    "SNOWFLAKE_MAX_BYTES allows 1000000 bytes (1.0 MB): it was not run",
  ],
] as const)("%s: above the cap nothing is asked but the estimate", async (_name, warehouse, answers, message) => {
  const { question, asked } = recorded(warehouse, [...answers]);
  await expect(warehouse.ask(question)).rejects.toMatchObject({
    kind: "rejected",
    code: "cost_cap",
    message: expect.stringContaining(message),
  });
  expect(asked.filter(({ path }) => path !== "/token")).toHaveLength(1);
});

test.each([
  [bigquery, 403, { error: { message: "m", errors: [{ reason: "rateLimitExceeded" }] } }, "rate_limited"],
  [bigquery, 403, { error: { message: "m", errors: [{ reason: "quotaExceeded" }] } }, "rate_limited"],
  [bigquery, 403, { error: { message: "m", errors: [{ reason: "accessDenied" }] } }, "unauthorized"],
  [bigquery, 403, { error: { message: "m", errors: [{ reason: "billingNotEnabled" }] } }, "unauthorized"],
  [bigquery, 400, { error: { message: "m", errors: [{ reason: "bytesBilledLimitExceeded" }] } }, "rejected"],
  [bigquery, 400, { error: "invalid_grant", error_description: "clock" }, "unauthorized"],
  [bigquery, 503, null, "unavailable"],
  [snowflake, 401, { code: "390144", message: "m" }, "unauthorized"],
  [snowflake, 422, { code: "001003", message: "m" }, "rejected"],
  [snowflake, 422, { code: "000604", message: "cancelled" }, "unavailable"],
  [snowflake, 408, { code: "000630", message: "m" }, "rejected"],
  [snowflake, 429, null, "rate_limited"],
  [snowflake, 404, { code: "000709", message: "m" }, "unavailable"],
] as const)("%#: an answer of %s is what it means", (warehouse, status, body, kind) => {
  expect(warehouse.vendor.classify?.(status, body)).toMatchObject({ kind });
});

test("looks at a job come further and further apart", async () => {
  const waits: number[] = [];
  let looks = 0;
  await untilOver({ wait: (ms) => Promise.resolve(void waits.push(ms)) }, () =>
    Promise.resolve((looks += 1) > 7 ? true : null),
  );
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});
