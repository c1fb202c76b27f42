import {
  serve,
  startJob,
  type Answer,
  type Asked,
  type Column,
  type Moment,
  type MockWarehouse,
  type MockOptions,
} from "./mock-warehouse.ts";

type Job = ReturnType<typeof startJob> & { createdAt: number; error: { reason: string; message: string } | null };

const types: Record<Column["type"], string> = {
  ...{ text: "STRING", integer: "INTEGER", numeric: "NUMERIC", float: "FLOAT", date: "DATE", other: "STRING" },
};

const refusal = (status: number, reason: string, message: string): Answer => ({
  status,
  body: { error: { code: status, message, errors: [{ reason, message, domain: "global" }], status: reason } },
});

/** BigQuery's REST API as its documentation has it: dry runs, jobs, results by page. Unverified against the vendor. */
export async function startBigquery(options: MockOptions): Promise<MockWarehouse> {
  const jobs = new Map<string, Job>();
  let forgotten = new Set<string>();
  const mock: Omit<MockWarehouse, "url" | "close"> = {
    ...{ jobs: [], asked: [], faults: [], options },
    forgetResults: () => (forgotten = new Set(jobs.keys())),
  };
  const handle = async (asked: Asked, moment: Moment): Promise<Answer> => {
    const { url, text, headers } = asked;
    if (moment === "token")
      return { status: 200, body: { access_token: "ya29.mock", expires_in: 3_599, token_type: "Bearer" } };
    if (headers.authorization !== "Bearer ya29.mock") return refusal(401, "authError", "Invalid Credentials");
    const bytes = mock.options.bytes ?? 10_000_000n;
    if (moment === "estimate") {
      const body = JSON.parse(text) as QueryBody;
      return mock.options.engine.check(inPostgres(body)).then(
        () => ({ status: 200, body: { jobComplete: true, totalBytesProcessed: String(bytes), cacheHit: false } }),
        (error: Error) => refusal(400, "invalidQuery", error.message),
      );
    }
    const id = /\/(?:jobs|queries)\/([^/]+)/.exec(url.pathname)?.[1] ?? "";
    if (moment === "run") return begin(JSON.parse(text) as JobBody, bytes);
    const job = jobs.get(id);
    if (job === undefined) return refusal(404, "notFound", `Not found: Job ${id}`);
    if (url.pathname.endsWith("/cancel")) {
      if (job.state === "running")
        Object.assign(job, {
          state: "cancelled",
          error: { reason: "stopped", message: "Job execution was cancelled" },
        });
      for (const known of mock.jobs) if (known.id === id && known.state === "running") known.state = "cancelled";
      return { status: 200, body: { job: described(job) } };
    }
    if (moment === "look") return { status: 200, body: described(job) };
    if (forgotten.has(id)) return refusal(404, "notFound", `Not found: results of ${id}`);
    return pageOf(job, url.searchParams);
  };

  const begin = (body: JobBody, bytes: bigint): Answer => {
    const id = body.jobReference.jobId;
    if (jobs.has(id)) return refusal(409, "duplicate", `Already Exists: Job ${id}`);
    const { query } = body.configuration;
    const isAbove = bytes > BigInt(query.maximumBytesBilled ?? String(bytes));
    const job: Job = Object.assign(
      isAbove
        ? { id, statement: query.query, state: "failed" as const, result: Promise.resolve({ columns: [], rows: 0 }) }
        : startJob(mock, { id, statement: inPostgres(query) }),
      {
        createdAt: Date.now(),
        error: isAbove
          ? { reason: "bytesBilledLimitExceeded", message: "Query exceeded limit for bytes billed" }
          : null,
      },
    );
    job.result.catch((error: Error) => (job.error = { reason: "invalidQuery", message: error.message }));
    jobs.set(id, job);
    return { status: 200, body: described(job) };
  };

  const pageOf = async (job: Job, query: URLSearchParams): Promise<Answer> => {
    const { columns, rows } = await job.result;
    const from = Number(query.get("pageToken")?.replace("from-", "") ?? 0);
    const count = Math.min(Number(query.get("maxResults") ?? 10_000), mock.options.pageRows ?? 10_000);
    const found = await mock.options.engine.page(job.id, from, count);
    const isLast = from + found.length >= rows;
    return {
      status: 200,
      isPacked: true,
      body: {
        jobComplete: true,
        totalRows: String(rows),
        schema: { fields: columns.map(({ name, type }) => ({ name, type: types[type], mode: "NULLABLE" })) },
        rows: found.map((row) => ({ f: row.map((cell, index) => ({ v: cellOf(cell, columns[index]) })) })),
        ...(isLast ? {} : { pageToken: `from-${from + found.length}` }),
      },
    };
  };
  return serve(mock, { momentOf, handle });
}

function momentOf({ method, url }: Asked): Moment {
  if (url.pathname === "/token") return "token";
  if (method === "POST" && url.pathname.endsWith("/queries")) return "estimate";
  if (method === "POST" && url.pathname.endsWith("/jobs")) return "run";
  return url.pathname.includes("/queries/") ? "page" : "look";
}

const described = ({ id, state, createdAt, error }: Job) => ({
  kind: "bigquery#job",
  jobReference: { projectId: "mock-lake", jobId: id, location: "EU" },
  status: { state: state === "running" ? "RUNNING" : "DONE", ...(error === null ? {} : { errorResult: error }) },
  statistics: { creationTime: String(createdAt) },
});

interface QueryBody {
  query: string;
  maximumBytesBilled?: string;
  queryParameters: { name: string; parameterType: { type: string }; parameterValue: { value: string } }[];
}
interface JobBody {
  jobReference: { jobId: string };
  configuration: { query: QueryBody };
}

/** The same statement for Postgres: a dataset is a schema there, and a project is not. */
function inPostgres({ query, queryParameters }: QueryBody): string {
  const values = new Map(
    queryParameters.map(({ name, parameterType, parameterValue }) => [name, { parameterType, parameterValue }]),
  );
  return (
    query
      .replaceAll(/`([^`]+)`/g, (_, name: string) =>
        name
          .split(".")
          .slice(-2)
          .map((part) => `"${part}"`)
          .join("."),
      )
      // What quotes and comments hold is no parameter.
      .replaceAll(/'[^']*'|--[^\n]*|@(day_start|day_end|day)\b/g, (whole, name: string | undefined) => {
        if (name === undefined) return whole;
        const found = values.get(name);
        if (found === undefined) throw new Error(`Query parameter '${whole.slice(1)}' not found`);
        const type = found.parameterType.type === "DATE" ? "date" : "timestamptz";
        return `'${found.parameterValue.value.replaceAll("'", "''")}'::${type}`;
      })
  );
}

/** BigQuery writes floats as Java does. */
function cellOf(cell: string | null, column: Column | undefined): string | null {
  return cell === null || column?.type !== "float"
    ? cell
    : Number(cell).toExponential().toUpperCase().replace("E+", "E");
}
