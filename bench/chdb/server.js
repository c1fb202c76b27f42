// ClickHouse's own engine behind as much of its HTTP interface as our client speaks: a process that can be killed as a
// server can. Arguments: the folder of the package chdb, the folder of its data. Prints its port, and ends with its starter.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const [packages, folder] = process.argv.slice(2);
const { Session } = createRequire(path.join(packages, "package.json"))("chdb");
const session = new Session(folder);
const password = process.env.CHDB_PASSWORD ?? "";

/** What the interface reads itself, and settings that mean a server of several nodes. */
const ofInterface =
  /^(query|query_id|database|session_id|role|default_format|wait_end_of_query|send_progress_in_http_headers|http_headers_progress_interval_ms|enable_http_compression|insert_quorum|select_sequential_consistency|distributed_foreground_insert|param_.*)$/;
const literal = (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** The engine has one session: one statement at a time. */
let last = Promise.resolve();
const inTurn = (work) => (last = last.then(work, work));

const settings = new Map();
let database = "default";

async function run(query, asked, parameters) {
  const wanted = asked.get("database") ?? "default";
  if (wanted !== database) await session.queryAsync(`use ${wanted}`);
  database = wanted;
  for (const [name, value] of asked) {
    if (ofInterface.test(name) || settings.get(name) === value) continue;
    await session.queryAsync(`set ${name} = ${literal(value)}`);
    settings.set(name, value);
  }
  for (const [name, value] of parameters) await session.queryAsync(`set ${name} = ${literal(value)}`);
  const answer = await session.queryAsync(query, { format: "TabSeparated" });
  return Buffer.from(answer.bytes());
}

async function insert(query, asked, rows) {
  const [, table, columns] = /^\s*insert into (\S+)\s*\(([^)]*)\)\s*format tabseparated\s*$/i.exec(query) ?? [];
  if (table === undefined) throw Object.assign(new Error("only rows that are tab-separated"), { clickhouseCode: 62 });
  await run("select 1", asked, []);
  await session.insert({
    table,
    columns: columns.split(",").map((name) => name.trim().replaceAll("`", "")),
    values: rows,
    format: "TabSeparated",
    maxChunkBytes: 32 * 1_048_576,
  });
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** The parts of a form, by name. */
function formOf(body, type) {
  const boundary = /boundary=(\S+)/.exec(type)?.[1] ?? "";
  return new Map(
    body
      .split(`--${boundary}\r\n`)
      .slice(1)
      .map((part) => {
        const end = part.indexOf("\r\n\r\n");
        const value = part.slice(end + 4).replace(new RegExp(`\r\n(--${boundary}--\r\n)?$`), "");
        return [/name="([^"]+)"/.exec(part)?.[1] ?? "", value];
      }),
  );
}

async function answer(request, url) {
  const asked = new Map(url.searchParams);
  const type = request.headers["content-type"] ?? "";
  const inUrl = [...asked].filter(([name]) => name.startsWith("param_"));
  if (type.startsWith("multipart/form-data")) {
    const form = formOf(await bodyOf(request), type);
    const parameters = [...form].filter(([name]) => name.startsWith("param_"));
    return inTurn(() => run(form.get("query") ?? asked.get("query") ?? "", asked, [...inUrl, ...parameters]));
  }
  const query = asked.get("query");
  if (query !== undefined && /^\s*insert/i.test(query)) {
    await inTurn(() => insert(query, asked, request));
    return Buffer.alloc(0);
  }
  const text = query ?? (await bodyOf(request));
  return inTurn(() => run(text, asked, inUrl));
}

function isAllowed({ headers }) {
  const basic = Buffer.from(`default:${password}`).toString("base64");
  return password === "" || headers.authorization === `Basic ${basic}` || headers["x-clickhouse-key"] === password;
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  const fail = (status, code, text) => {
    response.writeHead(status, { "x-clickhouse-exception-code": String(code), "content-type": "text/plain" });
    response.end(text);
  };
  if (url.pathname === "/ping") return void response.end("Ok.\n");
  if (!isAllowed(request)) {
    request.resume();
    return fail(403, 516, "Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)");
  }
  answer(request, url).then(
    (bytes) => {
      response.writeHead(200, {
        "content-type": "text/plain; charset=UTF-8",
        "x-clickhouse-query-id": url.searchParams.get("query_id") ?? "",
      });
      response.end(bytes);
    },
    (error) => {
      const text = String(error?.message ?? error);
      const code = error?.clickhouseCode ?? /Code: (\d+)/.exec(text)?.[1] ?? 1002;
      request.resume();
      fail(
        code === 60 ? 404 : 500,
        code,
        text.startsWith("Code:") ? text : `Code: ${code}. DB::Exception: ${text} (UNKNOWN)`,
      );
    },
  );
});
server.requestTimeout = 0;
server.listen(Number(process.env.CHDB_PORT ?? 0), "127.0.0.1", () =>
  process.stdout.write(`${server.address().port}\n`),
);
process.stdin.on("end", () => process.exit(0)).resume();
