import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { freePorts } from "../../scripts/embedded/process.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, type Drill } from "./drill.ts";

const range = { from: "2025-12-01", to: "2025-12-05" };
const apiKey = "sandbox-713";
const webhookSecret = "canary-webhook-5f0d1c7b9a3e";
const tokenSecret = "canary-token-secret-8c1b2f6d4e7a9035";
/** What a visitor left: it may be used and sealed, and never lie anywhere in clear. */
const person = { email: "canary.person@canary-mail.example", ip: "198.51.100.77", userAgent: "CanaryBrowser/7.7" };
const clickId = "atclk_harmless";
const planted = [apiKey, webhookSecret, tokenSecret, ...Object.values(person)];

/** Where something was looked for, how much of it there was, and what was found. */
interface Search {
  place: string;
  texts: number;
  found: string[];
  /** What does belong there was found: the search can find something. */
  works: boolean;
}

export const canaries: Drill = {
  rows: [28],
  name: "canaries",
  done: "a vendor that sends the key back in its errors, wrong secrets in addresses, a conversion with a person's data; then tables, logs, histories and answers are searched",
  expected: "no secret and nothing of the person anywhere in clear",
  isShort: true,
  run: async () => {
    const [apiPort = 0] = await freePorts(1);
    const stack = await startBenchStack({
      settings: {
        REDTRACK_INTERVAL_MS: "0",
        ANYTRACK_WEBHOOK_SECRET: webhookSecret,
        API_JWT_SECRET: tokenSecret,
        API_PORT: String(apiPort),
        LOG_LEVEL: "debug",
      },
    });
    try {
      const base = `http://127.0.0.1:${apiPort}`;
      await stack.startWorker();
      await stack.startChild("api", "api/main.js");
      const answers = await provoke(stack, base);
      return judge([
        { place: "answers", texts: answers.length, found: search(answers), works: has(answers, "openapi") },
        await searchTables(stack),
        await searchLogs(stack),
        await searchHistories(stack),
      ]);
    } finally {
      await stack.stop();
    }
  },
};

function judge(searches: Search[]) {
  const found = searches.flatMap((one) => one.found.map((canary) => `${canary} in ${one.place}`));
  return finding(
    found.length === 0 && searches.every(({ works }) => works),
    `${planted.length} canaries looked for in ${searches.map(({ place, texts }) => `${texts} ${place}`).join(", ")}: ${found.length} found${found.map((one) => `; ${one}`).join("")}`,
  );
}

/** Makes everybody talk about what must not be said, and returns what the API answered. */
async function provoke(stack: BenchStack, base: string): Promise<string[]> {
  await stack.control("POST", "/faults", { vendor: "redtrack", kind: "echo_key", times: 3 });
  await startBackfill(stack, "drill", range);
  await untilOver(stack, "drill");
  const conversion = {
    assetId: "asset_sandbox",
    clickId,
    eventName: "Purchase",
    eventTime: "2026-03-08T12:00:00Z",
    eventValue: 12.5,
    currency: "USD",
    transactionId: "ord-canary",
    ...person,
  };
  const send = (address: string, body: unknown) =>
    fetch(`${base}${address}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const taken = await send(`/hooks/anytrack/${webhookSecret}`, conversion);
  if (taken.status !== 200) throw new Error(`the conversion was answered ${taken.status}`);
  const asked = await Promise.all([
    send(`/hooks/anytrack/${webhookSecret}`, { ...conversion, eventTime: "never" }),
    send(`/hooks/anytrack/${webhookSecret}x`, conversion),
    ...[
      "/",
      "/healthz",
      "/metrics",
      "/docs/json",
      "/api/v1/anytrack/conversions",
      "/api/v1/runs",
      "/api/v1/alerts",
    ].map((address) => fetch(`${base}${address}`)),
  ]);
  return Promise.all([taken, ...asked].map(describeAnswer));
}

async function describeAnswer(response: Response): Promise<string> {
  return `${JSON.stringify([...response.headers])}\n${await response.text()}`;
}

function has(texts: readonly string[], text: string): boolean {
  return texts.some((one) => one.includes(text));
}

function search(texts: readonly string[]): string[] {
  return planted.filter((canary) =>
    texts.some((text) => text.includes(canary) || text.includes(Buffer.from(canary).toString("base64"))),
  );
}

async function searchTables({ database }: BenchStack): Promise<Search> {
  const { rows: tables } = await database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const found = new Set<string>();
  let rows = 0;
  let works = false;
  for (const { name } of tables) {
    const { rows: lines } = await database.query<{ line: string }>(`select t::text as line from ${name} t`);
    rows += lines.length;
    const texts = lines.map(({ line }) => line);
    works ||= has(texts, clickId);
    for (const canary of search(texts)) found.add(`${canary} (${name})`);
  }
  return { place: "rows", texts: rows, found: [...found], works };
}

async function searchLogs({ folder }: BenchStack): Promise<Search> {
  const names = ["worker.log", "api.log"];
  const servers = (await readdir(folder, { recursive: true })).filter((name) =>
    /^(postgres|temporal)\/[^/]+\.log$/.test(name),
  );
  const texts = await Promise.all([...names, ...servers].map((name) => readFile(path.join(folder, name), "utf8")));
  return { place: "logs", texts: texts.length, found: search(texts), works: has(texts, "worker is up") };
}

async function searchHistories({ temporal }: BenchStack): Promise<Search> {
  const histories: string[] = [];
  for await (const { workflowId, runId } of temporal.client.workflow.list()) {
    const history = await temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push(
      JSON.stringify(history, (_, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : value,
      ),
    );
  }
  return { place: "histories", texts: histories.length, found: search(histories), works: has(histories, range.from) };
}
