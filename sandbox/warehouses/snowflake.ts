import type { KeyObject } from "node:crypto";
import { jwtVerify } from "jose";
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

type Statement = ReturnType<typeof startJob> & { handle: string; createdOn: number; failure: string | null };

const types: Record<Column["type"], string> = {
  ...{ text: "text", integer: "fixed", numeric: "fixed", float: "real", date: "date", other: "text" },
};

const refusal = (status: number, code: string, message: string): Answer => ({
  status,
  body: { code, message, sqlState: "00000" },
});

/** Snowflake's SQL API as its documentation has it: 202 and looks, partitions, packed. Unverified against the vendor. */
export async function startSnowflake(options: MockOptions & { publicKey: KeyObject }): Promise<MockWarehouse> {
  const byRequest = new Map<string, Statement>();
  const byHandle = new Map<string, Statement>();
  let forgotten = new Set<string>();
  const mock: Omit<MockWarehouse, "url" | "close"> = {
    ...{ jobs: [], asked: [], faults: [], options },
    forgetResults: () => (forgotten = new Set(byHandle.keys())),
  };
  const handle = async (asked: Asked, moment: Moment): Promise<Answer> => {
    const refused = await whyNotLetIn(asked, options.publicKey);
    if (refused !== null) return refused;
    const { url, text } = asked;
    if (moment === "estimate") return estimateOf(mock.options, JSON.parse(text) as Body);
    if (moment === "run") return begin(url.searchParams.get("requestId") ?? "", JSON.parse(text) as Body);
    const id = /statements\/([^/]+)/.exec(url.pathname)?.[1] ?? "";
    const statement = byHandle.get(id);
    if (statement === undefined || forgotten.has(id)) return refusal(404, "000709", `Statement ${id} not found`);
    if (url.pathname.endsWith("/cancel")) {
      if (statement.state === "running") Object.assign(statement, { state: "cancelled" });
      for (const known of mock.jobs)
        if (known.id === statement.id && known.state === "running") known.state = "cancelled";
      return { status: 200, body: { code: "000604", message: "statement canceled" } };
    }
    return stateOf(statement, Number(url.searchParams.get("partition") ?? 0));
  };

  const begin = (requestId: string, body: Body): Answer | Promise<Answer> => {
    const known = byRequest.get(requestId);
    if (known !== undefined) return stateOf(known, 0);
    const id = `s${byHandle.size + 1}_${requestId.replaceAll("-", "")}`;
    const statement: Statement = Object.assign(startJob(mock, { id, statement: inPostgres(body) }), {
      ...{ handle: id.replaceAll("_", "-"), createdOn: Date.now(), failure: null },
    });
    statement.result.catch((error: Error) => (statement.failure = error.message));
    byRequest.set(requestId, statement);
    byHandle.set(statement.handle, statement);
    return { status: 202, body: underWay(statement) };
  };

  const stateOf = async (statement: Statement, partition: number): Promise<Answer> => {
    if (statement.state === "cancelled") return refusal(422, "000604", "SQL execution canceled");
    if (statement.state === "failed")
      return refusal(422, "001003", `SQL compilation error: ${statement.failure ?? ""}`);
    if (statement.state === "running") return { status: 202, body: underWay(statement) };
    const { columns, rows } = await statement.result;
    const size = mock.options.pageRows ?? 10_000;
    const found = await mock.options.engine.page(statement.id, partition * size, size);
    const data = found.map((row) => row.map((cell, index) => cellOf(cell, columns[index])));
    if (partition > 0) return { status: 200, isPacked: true, body: { data } };
    const partitionInfo = Array.from({ length: Math.max(1, Math.ceil(rows / size)) }, (_, index) => ({
      rowCount: Math.min(size, rows - index * size),
    }));
    return {
      status: 200,
      body: {
        ...{ code: "090001", statementHandle: statement.handle, createdOn: statement.createdOn, data },
        resultSetMetaData: {
          ...{ numRows: rows, format: "jsonv2", partitionInfo },
          rowType: columns.map(({ name, type }) => ({ name: name.toUpperCase(), type: types[type], nullable: true })),
        },
      },
    };
  };
  return serve(mock, { momentOf, handle });
}

/** What EXPLAIN says of a statement, or what is wrong with it. */
async function estimateOf({ engine, bytes = 10_000_000n }: MockOptions, body: Body): Promise<Answer> {
  const statement = inPostgres({ ...body, statement: body.statement.replace("EXPLAIN USING JSON ", "") });
  const wrong = await engine.check(statement).then(
    () => null,
    (error: Error) => error.message,
  );
  if (wrong !== null) return refusal(422, "001003", `SQL compilation error: ${wrong}`);
  const bytesAssigned = Number(bytes);
  const plan = JSON.stringify({
    GlobalStats: { partitionsTotal: 1, partitionsAssigned: 1, bytesAssigned },
    Operations: [],
  });
  return {
    status: 200,
    body: {
      ...{ code: "090001", statementHandle: "plan", createdOn: Date.now(), data: [[plan]] },
      resultSetMetaData: {
        numRows: 1,
        format: "jsonv2",
        rowType: [{ name: "content", type: "text" }],
        partitionInfo: [{ rowCount: 1 }],
      },
    },
  };
}

const underWay = ({ handle }: Statement) => ({
  ...{ code: "333334", message: "Asynchronous execution in progress." },
  ...{ statementHandle: handle, statementStatusUrl: `/api/v2/statements/${handle}` },
});

interface Body {
  statement: string;
  bindings?: Record<string, { type: string; value: string }>;
}

function momentOf({ method, url, text }: Asked): Moment {
  if (method === "POST" && url.pathname.endsWith("/statements"))
    return text.includes("EXPLAIN USING JSON") ? "estimate" : "run";
  return url.searchParams.has("partition") ? "page" : "look";
}

/** A token that the user's key has signed, and that has not run out. */
async function whyNotLetIn({ headers }: Asked, publicKey: KeyObject): Promise<Answer | null> {
  if (headers["x-snowflake-authorization-token-type"] !== "KEYPAIR_JWT")
    return refusal(401, "390144", "JWT token is invalid.");
  const token = headers.authorization?.replace("Bearer ", "") ?? "";
  return jwtVerify(token, publicKey, { algorithms: ["RS256"] }).then(
    ({ payload }) =>
      /^[A-Z0-9_-]+\.[A-Z0-9_]+\.SHA256:.{44}$/.test(payload.iss ?? "")
        ? null
        : refusal(401, "390144", "JWT token is invalid."),
    (error: { code?: string }) =>
      error.code === "ERR_JWT_EXPIRED"
        ? refusal(401, "390114", "Authentication token has expired.")
        : refusal(401, "390144", "JWT token is invalid."),
  );
}

/** The same statement for Postgres: names in small letters, and no database in front of a schema. */
function inPostgres({ statement, bindings = {} }: Body): string {
  let place = 0;
  return statement
    .replaceAll(/"[A-Z0-9_$]+"(?=\."[A-Z0-9_$]+"\.")\./g, "")
    .replaceAll(/"([A-Z0-9_$]+)"/g, (_, name: string) => `"${name.toLowerCase()}"`)
    .replaceAll("TIMESTAMP_TZ", "timestamptz")
    .replaceAll("?", () => {
      place += 1;
      const value = bindings[String(place)]?.value;
      if (value === undefined) throw new Error(`bind variable ${place} not set`);
      return `'${value.replaceAll("'", "''")}'`;
    });
}

function cellOf(cell: string | null, column: Column | undefined): string | null {
  return cell === null || column?.type !== "date" ? cell : String(Date.parse(cell) / 86_400_000);
}
