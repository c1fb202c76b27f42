import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import type { ConnectorErrorKind } from "../../core/connector-error-kind.ts";
import { ConnectorError } from "../errors.ts";
import {
  classifyGoogle,
  isServiceAccount,
  notServiceAccount,
  openGoogle,
  serviceAccountOf,
  tokenRequest,
  type GoogleIdentity,
} from "../google-token.ts";
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

const prefix = "BIGQUERY";
const scope = "https://www.googleapis.com/auth/bigquery";
/** A page has at most 20 MB, whatever is asked for. */
const rowsPerPage = 10_000;
/** An attempt may last thirty minutes in all. */
const jobTimeoutMs = 25 * 60_000;
/** Jobs of earlier attempts that failed keep their names. */
const mostGenerations = 20;

const secrets = z.object({
  BIGQUERY_KEY: z
    .string()
    .refine(isServiceAccount, notServiceAccount)
    .meta(about("The key of a service account that may run queries: its JSON file, on one line.")),
});
type Secrets = Record<string, string>;

const identityOf = (given: Secrets): GoogleIdentity => ({
  ...{ secrets: given, key: given["BIGQUERY_KEY"] ?? "", setting: "BIGQUERY_KEY", scope },
});

/** Reasons that say more than the status under which they come: a 403 is a no, or a quota. */
const reasons: Record<string, ConnectorErrorKind> = {
  rateLimitExceeded: "rate_limited",
  quotaExceeded: "rate_limited",
  jobRateLimitExceeded: "rate_limited",
  accessDenied: "unauthorized",
  billingNotEnabled: "unauthorized",
  bytesBilledLimitExceeded: "rejected",
  billingTierLimitExceeded: "rejected",
  responseTooLarge: "rejected",
  resourcesExceeded: "rejected",
  invalidQuery: "rejected",
  backendError: "unavailable",
  internalError: "unavailable",
  jobBackendError: "unavailable",
  jobInternalError: "unavailable",
  tableUnavailable: "unavailable",
  stopped: "unavailable",
};

const failed = z.object({
  error: z.object({
    message: z.string().default(""),
    errors: z.array(z.object({ reason: z.string().optional() })).default([]),
  }),
});

function classify(status: number, body: unknown): Refusal {
  const found = failed.safeParse(body).data?.error;
  const reason = found?.errors[0]?.reason;
  const kind = reasons[reason ?? ""];
  if (found === undefined || status === 401) return classifyGoogle(status, body);
  if (kind === undefined) return { ...classifyGoogle(status, body), code: reason ?? String(status) };
  return { kind, message: `${reason}: ${found.message}`, code: reason ?? "" };
}

const vendor: Vendor<typeof secrets> = {
  name: "bigquery",
  title: "BigQuery",
  baseUrl: "https://bigquery.googleapis.com",
  addresses: { token: "https://oauth2.googleapis.com" },
  optional: true,
  // A hundred a second for each user, says its documentation.
  pace: { intervalMs: 50, concurrent: 4 },
  secrets,
  settings: z.object({
    BIGQUERY_PROJECT: z
      .string()
      .regex(/^[a-z][a-z0-9.:-]{3,99}$/, "must be the id of a project")
      .optional()
      .meta(about("The project that pays for queries.", { clients: "own", unset: "the project of the key" })),
    BIGQUERY_LOCATION: z
      .string()
      .regex(/^[A-Za-z0-9-]{2,40}$/, "must be a location, such as EU")
      .optional()
      .meta(about("Where the data lie.", { clients: "own", unset: "as BigQuery finds out", example: "EU" })),
    ...questionShape(prefix, {
      table: /^[a-z][a-z0-9.:-]{3,99}\.[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_-]{1,1024}$/,
      example: "project.dataset.table",
    }),
  }),
  classify,
  unhintedWaitMs: 15 * 60_000,
  probe: (given) => tokenRequest(identityOf(given), new Date()),
};

const dialect: Dialect = {
  table: (name) => `\`${name}\``,
  column: (name) => `\`${name}\``,
  bound: (name) => `@${name}`,
};

const whole = z.string().regex(/^\d{1,18}$/);
const estimated = z.object({ totalBytesProcessed: whole });
const job = z.object({
  jobReference: z.object({ jobId: z.string(), location: z.string().optional() }),
  status: z.object({
    state: z.string(),
    errorResult: z.object({ reason: z.string().default(""), message: z.string().default("") }).optional(),
  }),
  statistics: z.object({ creationTime: whole }),
});
const page = z.object({
  schema: z.object({ fields: z.array(z.object({ name: z.string(), type: z.string() })).min(1) }),
  totalRows: whole,
  pageToken: z.string().min(1).optional(),
  rows: z.array(z.object({ f: z.array(z.object({ v: z.string().nullable() })) })).default([]),
});
type Job = z.output<typeof job>;
type Page = z.output<typeof page>;

/** Performance rows out of BigQuery, by its REST API. */
export const bigquery: Warehouse = {
  name: "bigquery.performance",
  vendor,
  slices: { timezone: "UTC", isSet: true },
  window: { mode: "rolling", lookbackDays: 3 },
  schedule: { hours: { from: 5, to: 23 }, minute: 25, comment: "hourly 5 to 23" },
  isOptional: true,
  ask: async (question) => {
    const asked = askedOf(question);
    await estimate(asked);
    for (let { generation } = question; ; generation += 1) {
      const { begun, isKnown } = await begin(asked, question, generation);
      const over = await follow(asked, question, begun);
      const error = over.status.errorResult;
      if (error === undefined) return resultOf(asked, over, generation);
      // Of an earlier attempt: what failed then is tried again.
      if (!isKnown || generation >= mostGenerations)
        throw new ConnectorError(
          reasons[error.reason] ?? "rejected",
          `the job failed: ${error.reason}: ${error.message}`,
          {
            code: error.reason,
          },
        );
    }
  },
};

interface Asked {
  ask: (request: PageRequest) => Promise<unknown>;
  /** Of the project that pays. */
  path: string;
  /** By which BigQuery finds the job; none where nothing is set. */
  location: { location: string } | object;
  cap: bigint;
  statement: object;
}

function askedOf({ http, account, day, zone, now }: DayQuestion): Asked {
  const { settings } = account;
  const identity = identityOf(account.secrets);
  const project = settings["BIGQUERY_PROJECT"] ?? serviceAccountOf(identity.key)?.project_id;
  if (project === undefined)
    throw new ConnectorError("rejected", "the key names no project that pays: set BIGQUERY_PROJECT");
  const { text, bound } = statementOf(prefix, dialect, { settings, day, zone });
  return {
    ask: (request) => openGoogle({ http, identity, now }).ask(request),
    path: `/bigquery/v2/projects/${encodeURIComponent(project)}`,
    location: settings["BIGQUERY_LOCATION"] === undefined ? {} : { location: settings["BIGQUERY_LOCATION"] },
    cap: BigInt(settings["BIGQUERY_MAX_BYTES"] ?? "0"),
    statement: {
      query: text,
      useLegacySql: false,
      parameterMode: "NAMED",
      queryParameters: parametersOf(bound),
    },
  };
}

/** Each once, however often the text names it. */
function parametersOf(bound: Statement["bound"]): object[] {
  return [...new Map(bound.map(({ name, value }) => [name, value]))].map(([name, value]) => ({
    name,
    parameterType: { type: name === "day" ? "DATE" : "TIMESTAMP" },
    parameterValue: { value },
  }));
}

/** What the query would read: asking that is free. */
async function estimate({ ask, path, location, cap, statement }: Asked): Promise<void> {
  const answer = await ask({
    method: "POST",
    path: `${path}/queries`,
    body: { ...statement, ...location, dryRun: true },
  });
  const { totalBytesProcessed } = readAs(estimated, answer, "dry run");
  refuseAbove({ estimate: BigInt(totalBytesProcessed), cap, setting: "BIGQUERY_MAX_BYTES" });
}

/** Begins a job under its name; where there is one of that name already, it is that of an earlier attempt. */
async function begin(
  { ask, path, location, cap, statement }: Asked,
  { ticket }: DayQuestion,
  generation: number,
): Promise<{ begun: Job; isKnown: boolean }> {
  const jobId = `signal_room_${ticket}_${generation}`;
  const body = {
    jobReference: { jobId, ...location },
    // What it would cost is capped by BigQuery too: the table may have grown since the estimate.
    configuration: { query: { ...statement, maximumBytesBilled: String(cap) }, jobTimeoutMs: String(jobTimeoutMs) },
  };
  try {
    return { begun: readAs(job, await ask({ method: "POST", path: `${path}/jobs`, body }), "job"), isKnown: false };
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== "duplicate") throw error;
    return {
      begun: readAs(job, await ask({ path: `${path}/jobs/${jobId}`, query: { ...location } }), "job"),
      isKnown: true,
    };
  }
}

async function follow({ ask, path }: Asked, question: DayQuestion, begun: Job): Promise<Job> {
  const { jobId, location } = begun.jobReference;
  const query = location === undefined ? {} : { location };
  question.onJob((http) =>
    openGoogle({ http, identity: identityOf(question.account.secrets), now: question.now }).ask({
      ...{ method: "POST", path: `${path}/jobs/${jobId}/cancel`, query },
    }),
  );
  let latest = begun;
  const over = await untilOver(question, async () => {
    if (latest.status.state !== "DONE")
      latest = readAs(job, await ask({ path: `${path}/jobs/${jobId}`, query }), "job");
    return latest.status.state === "DONE" ? latest : null;
  });
  question.onJob(null);
  return over;
}

async function resultOf(asked: Asked, over: Job, generation: number): Promise<DayResult> {
  const first = await pageOf(asked, over, undefined);
  return {
    generation,
    askedAt: new Date(Number(over.statistics.creationTime)),
    columns: first.schema.fields.map(({ name }) => name.toLowerCase()),
    rows: Number(first.totalRows),
    async *pages() {
      const seen = new Set<string>();
      for (let current = first; ;) {
        yield current.rows.map(({ f }): Cell[] => f.map(({ v }) => v));
        const token = current.pageToken;
        if (token === undefined) return;
        if (seen.has(token)) throw new ConnectorError("malformed", "a page leads back to an earlier one");
        seen.add(token);
        current = await pageOf(asked, over, token);
      }
    },
  };
}

async function pageOf({ ask, path }: Asked, { jobReference }: Job, pageToken: string | undefined): Promise<Page> {
  const { jobId, location } = jobReference;
  const query = { maxResults: rowsPerPage, ...(location === undefined ? {} : { location }) };
  const request = {
    path: `${path}/queries/${jobId}`,
    query: { ...query, ...(pageToken === undefined ? {} : { pageToken }) },
  };
  try {
    return readAs(page, await ask(request), "page");
  } catch (error) {
    // Results are kept for a day, and a token for less: the job was there a moment ago.
    if (!(error instanceof ConnectorError) || error.kind !== "rejected") throw error;
    throw new ConnectorError("unavailable", `the results are gone: ${error.message}`, { code: resultsGone });
  }
}
