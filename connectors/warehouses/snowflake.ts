import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { isLosslessNumber } from "lossless-json";
import { SignJWT } from "jose";
import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import type { ConnectorErrorKind } from "../../core/connector-error-kind.ts";
import { ConnectorError } from "../errors.ts";
import type { Http } from "../http.ts";
import type { PageRequest, Refusal, Vendor } from "../source.ts";
import { questionShape, statementOf, type Dialect, type Statement } from "./statement.ts";
import {
  readAs,
  refuseAbove,
  resultsGone,
  untilOver,
  type Cell,
  type DayQuestion,
  type DayResult,
  type Warehouse,
} from "./warehouse.ts";

const prefix = "SNOWFLAKE";
/** A token may live an hour. */
const tokenSeconds = 3_300;
const spareMs = 60_000;
const dayMs = 86_400_000;
/** Statements of earlier attempts that failed keep their request ids. */
const mostGenerations = 20;

const secrets = z.object({
  SNOWFLAKE_PRIVATE_KEY: z
    .string()
    .refine((key) => keyOf(key) !== null, "must be a private key in PEM, unencrypted, its line breaks written as \\n")
    .meta(about("The private key of the user's key pair: PEM, on one line with \\n for its line breaks.")),
});
type Secrets = Record<string, string>;

function keyOf(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem.replaceAll("\\n", "\n"));
  } catch {
    return null;
  }
}

/** Codes that say more than the status under which they come. */
const codes: Record<string, { kind: ConnectorErrorKind; code?: string }> = {
  // A token that has run out is signed again, once.
  "390114": { kind: "unauthorized", code: "token_expired" },
  "390144": { kind: "unauthorized" },
  "390318": { kind: "unauthorized", code: "token_expired" },
  // Somebody or something cancelled the statement.
  "000604": { kind: "unavailable" },
  // It took longer than it may: it would again, and be paid again.
  "000630": { kind: "rejected", code: "took_too_long" },
};

const failed = z.object({ code: z.string().default(""), message: z.string().default("no reason given") });

function classify(status: number, body: unknown): Refusal {
  const { code, message } = failed.safeParse(body).data ?? { code: "", message: "no reason given" };
  const known = codes[code];
  const said = `${code === "" ? "" : `${code}: `}${message}`;
  if (known !== undefined) return { kind: known.kind, message: said, code: known.code ?? code };
  if (status === 401 || status === 403) return { kind: "unauthorized", message: said, code };
  if (status === 429) return { kind: "rate_limited", message: said, code };
  if (status === 408)
    return { kind: "rejected", message: `${said} (SNOWFLAKE_TIMEOUT_SECONDS)`, code: "took_too_long" };
  // Statements and their results are kept for a day.
  if (status === 404 || status === 410) return { kind: "unavailable", message: said, code: resultsGone };
  return { kind: status >= 500 ? "unavailable" : "rejected", message: said, code };
}

const name = /^[A-Za-z0-9_$-]{1,255}$/;
const named = z.string().regex(name, "must be a name of letters, digits and underscores");

const vendor: Vendor<typeof secrets> = {
  name: "snowflake",
  title: "Snowflake",
  baseUrl: "https://snowflakecomputing.com",
  optional: true,
  pace: { intervalMs: 50, concurrent: 4 },
  secrets,
  settings: z.object({
    SNOWFLAKE_ACCOUNT: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,255}$/, "must be an account's identifier")
      .optional()
      .meta(
        about("The account's identifier. Its address is set too: SNOWFLAKE_BASE_URL.", {
          ...{ clients: "own", example: "myorg-account123" },
        }),
      ),
    SNOWFLAKE_USER: named.optional().meta(about("The user that has the key pair.", { clients: "own" })),
    SNOWFLAKE_WAREHOUSE: named
      .optional()
      .meta(about("The warehouse that computes.", { clients: "own", unset: "the user's own" })),
    SNOWFLAKE_ROLE: named.optional().meta(about("The role to ask in.", { clients: "own", unset: "the user's own" })),
    SNOWFLAKE_TIMEOUT_SECONDS: z
      .string()
      .regex(/^[1-9]\d{0,3}$/, "must be a whole number from 1 to 9999")
      .default("600")
      .meta(about("How long a query may compute before it is ended.", { clients: "shared", unit: "seconds" })),
    ...questionShape(prefix, {
      table: /^[A-Za-z_][A-Za-z0-9_$]{0,254}(?:\.[A-Za-z_][A-Za-z0-9_$]{0,254}){2}$/,
      example: "DATABASE.SCHEMA.TABLE",
    }),
  }),
  classify,
  unhintedWaitMs: 5 * 60_000,
  probe: async (given, settings) => ({
    ...{ method: "POST", path: "/api/v2/statements", body: { statement: "SELECT CURRENT_USER()", timeout: 30 } },
    headers: headersOf(await tokenOf(given, settings, new Date())),
  }),
};

/** Names as Snowflake reads them where nobody quotes them. */
const dialect: Dialect = {
  table: (table) =>
    table
      .split(".")
      .map((part) => `"${part.toUpperCase()}"`)
      .join("."),
  column: (column) => `"${column.toUpperCase()}"`,
  bound: (bound) => (bound === "day" ? "?::DATE" : "?::TIMESTAMP_TZ"),
};

/** Numbers outside of cells: they are kept as they were written. */
const whole = z
  .unknown()
  .refine((value) => isLosslessNumber(value) && /^\d{1,16}$/.test(String(value)), "expected whole number")
  .transform(Number);
const cells = z.array(z.array(z.string().nullable()));
const begun = z.object({ statementHandle: z.string().regex(/^[A-Za-z0-9-]{1,100}$/) });
const finished = begun.extend({
  createdOn: whole,
  resultSetMetaData: z.object({
    numRows: whole,
    rowType: z.array(z.object({ name: z.string(), type: z.string() })).min(1),
    partitionInfo: z.array(z.looseObject({})).default([]),
  }),
  data: cells,
});
const partition = z.object({ data: cells });
const plan = z.object({ GlobalStats: z.object({ bytesAssigned: z.int().min(0) }) });
type Finished = z.output<typeof finished>;

/** Performance rows out of Snowflake, by its SQL API. */
export const snowflake: Warehouse = {
  name: "snowflake.performance",
  vendor,
  slices: { timezone: "UTC", isSet: true },
  window: { mode: "rolling", lookbackDays: 3 },
  schedule: { hours: { from: 5, to: 23 }, minute: 35, comment: "hourly 5 to 23" },
  isOptional: true,
  ask: async (question) => {
    const asked = askedOf(question);
    await estimate(asked, question);
    for (let { generation } = question; ; generation += 1)
      try {
        return resultOf(asked, await run(asked, question, generation), generation);
      } catch (error) {
        // Of an earlier attempt: what failed then is tried again. One that a no has ended would only end so again.
        const isOver = error instanceof ConnectorError && error.kind === "unavailable" && error.code === "000604";
        if (!isOver || !question.isAgain || generation >= mostGenerations) throw error;
      }
  },
};

interface Asked {
  ask: (request: PageRequest) => Promise<unknown>;
  statement: string;
  /** What every request to run something says. */
  surroundings: object;
  cap: bigint;
}

const path = "/api/v2/statements";

function askedOf({ http, account, day, zone, now }: DayQuestion): Asked {
  const { settings } = account;
  const { text, bound } = statementOf(prefix, dialect, { settings, day, zone });
  const { SNOWFLAKE_WAREHOUSE: warehouse, SNOWFLAKE_ROLE: role, SNOWFLAKE_TIMEOUT_SECONDS: timeout } = settings;
  return {
    ask: (request) => askWithToken({ http, account, now }, request),
    statement: text,
    surroundings: {
      timeout: Number(timeout ?? 600),
      bindings: bindingsOf(bound),
      ...(warehouse === undefined ? {} : { warehouse }),
      ...(role === undefined ? {} : { role }),
    },
    cap: BigInt(settings["SNOWFLAKE_MAX_BYTES"] ?? "0"),
  };
}

/** By place, from 1. */
const bindingsOf = (bound: Statement["bound"]) =>
  Object.fromEntries(bound.map(({ value }, index) => [String(index + 1), { type: "TEXT", value }]));

/** What the query would read: a plan is made without computing, and costs nothing. */
async function estimate({ ask, statement, surroundings, cap }: Asked, { ticket, now }: DayQuestion): Promise<void> {
  const body = { ...surroundings, statement: `EXPLAIN USING JSON ${statement}` };
  const answer = readAs(
    finished,
    await ask({ method: "POST", path, query: { requestId: requestIdOf(`${ticket} plan ${now().getTime()}`) }, body }),
    "plan",
  );
  const bytes = plan.safeParse(planOf(answer.data[0]?.[0] ?? "")).data?.GlobalStats.bytesAssigned;
  if (bytes === undefined) throw new ConnectorError("malformed", "plan: it does not say how much would be read");
  refuseAbove({ estimate: BigInt(bytes), cap, setting: "SNOWFLAKE_MAX_BYTES" });
}

function planOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Runs the statement once per request id: asked again with it, Snowflake answers with what it runs or ran already. */
async function run(asked: Asked, question: DayQuestion, generation: number): Promise<Finished> {
  const { ask, statement, surroundings } = asked;
  const requestId = requestIdOf(`${question.ticket} ${generation}`);
  const first = await ask({
    ...{ method: "POST", path, body: { ...surroundings, statement } },
    query: { requestId, async: true, ...(question.isAgain ? { retry: true } : {}) },
  });
  const { statementHandle } = readAs(begun, first, "statement");
  question.onJob((http) =>
    askWithToken({ ...question, http }, { method: "POST", path: `${path}/${statementHandle}/cancel` }),
  );
  let latest: unknown = first;
  const over = await untilOver(question, async () => {
    // What is under way has no result yet.
    if (isUnderWay(latest)) latest = await ask({ path: `${path}/${statementHandle}` });
    return isUnderWay(latest) ? null : readAs(finished, latest, "result");
  });
  question.onJob(null);
  return over;
}

const isUnderWay = (answer: unknown) =>
  z.looseObject({ resultSetMetaData: z.undefined().optional(), code: z.enum(["333333", "333334"]) }).safeParse(answer)
    .success;

function resultOf({ ask }: Asked, result: Finished, generation: number): DayResult {
  const { rowType, numRows, partitionInfo } = result.resultSetMetaData;
  const isDate = rowType.map(({ type }) => type.toLowerCase() === "date");
  const read = (rows: z.output<typeof cells>) =>
    rows.map((row): Cell[] => row.map((cell, index) => (isDate[index] === true && cell !== null ? dayOf(cell) : cell)));
  return {
    generation,
    askedAt: new Date(result.createdOn),
    columns: rowType.map((column) => column.name.toLowerCase()),
    rows: numRows,
    async *pages() {
      yield read(result.data);
      for (let index = 1; index < partitionInfo.length; index += 1) {
        const request = { path: `${path}/${result.statementHandle}`, query: { partition: index } };
        yield read(readAs(partition, await ask(request), `partition ${index}`).data);
      }
    },
  };
}

/** A day is written as the number of days since 1970. */
function dayOf(days: string): string {
  return /^-?\d{1,7}$/.test(days) ? new Date(Number(days) * dayMs).toISOString().slice(0, 10) : days;
}

/** A UUID that the same text gives again. */
function requestIdOf(text: string): string {
  const digits = createHash("sha256").update(text).digest("hex");
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}

interface Token {
  text: string;
  untilMs: number;
}

/** Of an account's keys as they were read from the settings. */
const tokens = new WeakMap<Secrets, Token>();

async function askWithToken(
  { http, account, now }: { http: Http } & Pick<DayQuestion, "account" | "now">,
  request: PageRequest,
): Promise<unknown> {
  const once = async () => {
    let token = tokens.get(account.secrets);
    if (token === undefined || now().getTime() >= token.untilMs) {
      token = {
        text: await tokenOf(account.secrets, account.settings, now()),
        untilMs: now().getTime() + tokenSeconds * 1_000 - spareMs,
      };
      tokens.set(account.secrets, token);
    }
    return http.json({ ...request, headers: headersOf(token.text) });
  };
  try {
    return await once();
  } catch (error) {
    // Tokens end early where clocks differ. A second refusal is meant.
    if (!(error instanceof ConnectorError) || error.code !== "token_expired") throw error;
    tokens.delete(account.secrets);
    return once();
  }
}

const headersOf = (token: string) => ({
  authorization: `Bearer ${token}`,
  "X-Snowflake-Authorization-Token-Type": "KEYPAIR_JWT",
});

/** Signed by the user's own key, whose public half Snowflake knows by its fingerprint. */
async function tokenOf(given: Secrets, settings: Record<string, string>, at: Date): Promise<string> {
  const key = keyOf(given["SNOWFLAKE_PRIVATE_KEY"] ?? "");
  const { SNOWFLAKE_ACCOUNT: account, SNOWFLAKE_USER: user } = settings;
  if (key === null) throw new ConnectorError("unauthorized", "SNOWFLAKE_PRIVATE_KEY is no private key");
  if (account === undefined || user === undefined)
    throw new ConnectorError("unauthorized", "set SNOWFLAKE_ACCOUNT and SNOWFLAKE_USER beside the key");
  // A region behind the account's locator is no part of its name here.
  const subject = `${account.split(".")[0]}.${user}`.toUpperCase();
  const published = createPublicKey(key).export({ type: "spki", format: "der" });
  const fingerprint = createHash("sha256").update(published).digest("base64");
  const issued = Math.floor(at.getTime() / 1_000);
  return new SignJWT({})
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .setIssuer(`${subject}.SHA256:${fingerprint}`)
    .setSubject(subject)
    .setIssuedAt(issued)
    .setExpirationTime(issued + tokenSeconds)
    .sign(key);
}
