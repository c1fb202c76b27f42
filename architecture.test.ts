import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseFile, readSource, sourceFiles } from "./test/source-files.ts";

interface Room {
  /** Rooms whose values may be imported. */
  uses: readonly string[] | "any but api";
  /** Rooms of which only types may be. */
  types?: readonly string[];
  /** Outside packages that are banned; `x/*` is every package of a scope, `node:*` all that Node brings. */
  bans: readonly string[];
  /** Said when a line breaks the rule. */
  instead: string;
}

/** Who may import whom: the table of the house, executed. */
const rooms: Record<string, Room> = {
  core: {
    uses: [],
    bans: ["pg", "@temporalio/*", "undici", "drizzle-orm"],
    instead:
      "core is pure: what needs a database, Temporal or the network belongs in queries, activities or connectors, and passes core what it needs",
  },
  settings: {
    uses: ["core"],
    bans: ["pg", "@temporalio/*", "undici", "drizzle-orm"],
    instead: "settings say what can be set and read it once: they know core and nothing that runs",
  },
  rules: {
    uses: ["core"],
    types: ["settings"],
    bans: ["pg", "@temporalio/*", "undici", "drizzle-orm", "node:fs", "node:fs/*", "node:http", "node:timers"],
    instead: "rules decide on what they are given: what reads, writes, waits or asks the time passes it to them",
  },
  schema: {
    uses: ["core"],
    bans: ["@temporalio/*", "undici"],
    instead: "schema knows core and drizzle; statements belong in queries, and a pool is had from schema/database.ts",
  },
  connectors: {
    uses: ["core", "rules", "schema"],
    types: ["settings"],
    bans: ["pg", "@temporalio/*"],
    instead: "connectors know core, rules and the tables of schema: what needs Postgres or Temporal is an activity",
  },
  queries: {
    uses: ["core", "rules", "schema"],
    types: ["settings"],
    bans: ["@temporalio/*", "pg", "undici"],
    instead: "queries take a client and know core, rules and schema: a connector meets the database in activities",
  },
  activities: {
    uses: ["core", "settings", "rules", "connectors", "schema", "queries"],
    bans: ["@temporalio/workflow", "@temporalio/worker", "@temporalio/client", "pg"],
    instead:
      "activities use core, settings, rules, connectors, schema, queries and @temporalio/activity: what starts or waits for workflows is a workflow",
  },
  workflows: {
    uses: [],
    types: ["activities", "connectors", "rules", "core"],
    bans: ["node:*", "@temporalio/activity", "@temporalio/client", "@temporalio/worker", "pg", "undici", "drizzle-orm"],
    instead:
      "workflows import workflows, and types with `import type`: do it in an activity and call that through proxyActivities",
  },
  temporal: {
    uses: ["core", "settings"],
    bans: ["pg", "undici", "@temporalio/worker", "@temporalio/workflow", "@temporalio/activity"],
    instead: "temporal.config.ts and temporal/ know core, settings and Temporal's client: pass in what else they need",
  },
  web: {
    uses: ["core", "settings", "rules", "schema", "queries", "temporal", "api"],
    types: ["workflows"],
    bans: ["@temporalio/worker", "@temporalio/workflow", "@temporalio/activity", "undici", "pg"],
    instead: "a page reads through queries and acts through the JSON routes: see call() in web/shared/page.tsx",
  },
  api: {
    uses: ["core", "settings", "rules", "schema", "queries", "temporal"],
    types: ["workflows"],
    bans: ["@temporalio/worker", "@temporalio/workflow", "@temporalio/activity", "undici", "pg"],
    instead: "the api reads through queries and starts workflows: what needs a vendor is a workflow that api starts",
  },
  sandbox: {
    uses: ["core"],
    types: ["connectors"],
    bans: ["pg", "@temporalio/*", "undici"],
    instead: "the sandbox stands alone: it must not share code with what it tests",
  },
  workers: { uses: "any but api", bans: [], instead: "the api is a process of its own" },
  scripts: {
    uses: "any but api",
    bans: [],
    instead: "share it through queries or core, or ask the running api over HTTP",
  },
  docs: {
    uses: [],
    bans: ["*"],
    instead: "what people copy out of docs/ must run by itself: it imports nothing",
  },
  bench: { uses: "any but api", bans: [], instead: "the api is a process of its own" },
};

/** Single files of connectors that a room may use beside its row, each with its reason. */
const exceptions: Record<string, readonly string[]> = {
  // How a post's address is spelled stands in the platform's own file; reading one asks nobody.
  "connectors/platforms/addresses.ts": ["api", "web"],
};

/** Where one room is put into another. */
const mounts = [["api/main.ts", "web/pages.tsx"]] as const;

/** Opening Postgres has a place of its own, and so has everything that a process is told from outside. */
const opensPostgres = ["schema/database.ts", "schema/migrate.ts"];
const tablesOnly = /^schema\/(?!database|migrate)[a-z-]+\.ts$/;
const readsEnvironment =
  /(^|\/)main\.ts$|^settings\/environment\.ts$|^(scripts|bench|temporal)\/|^[a-z.]+\.config\.ts$/;

function roomOf(file: string): string {
  if (file === "temporal.config.ts") return "temporal";
  return file.includes("/") ? (file.split("/")[0] ?? "") : "root";
}

function isBanned(packageName: string, ban: string): boolean {
  if (ban.endsWith("*")) return packageName.startsWith(ban.slice(0, -1));
  return packageName === ban || packageName.startsWith(`${ban}/`);
}

/** What is wrong with a file's imports: the file, the line, and what to do instead. */
function complaintsAbout(file: string, text: string): string[] {
  const name = roomOf(file);
  if (name === "root") return [];
  const room = rooms[name];
  if (room === undefined)
    return [`${file}: the room ${name}/ has no row in architecture.test.ts: decide who may import whom`];
  const { imports, environment, undecoded } = parseFile(file, text);
  const complaints: string[] = [];
  const complain = (line: number, what: string, instead: string) =>
    complaints.push(`${file}:${line} ${what}. Instead: ${instead}`);

  for (const { line, from, typeOnly } of imports) {
    if (!from.startsWith(".")) {
      const ban = room.bans.find((one) => isBanned(from, one));
      const opens = (name === "schema" && from === "pg" && !opensPostgres.includes(file)) || (ban === "pg" && typeOnly);
      if ((ban !== undefined && ban !== "pg") || (ban === "pg" && !typeOnly) || (name === "schema" && opens))
        complain(line, `imports ${from}, which ${name} must not`, room.instead);
      continue;
    }
    const target = path.posix.join(path.posix.dirname(file), from);
    if (!/\.(tsx?|json)$/.test(target))
      complain(line, `imports ${from} without its .ts`, "write the file's whole name");
    const other = roomOf(target);
    if (other === name || mounts.some(([one, two]) => one === file && two === target)) continue;
    if (exceptions[target]?.includes(name) === true) continue;
    if (name === "web" && other === "api" && !typeOnly && !target.startsWith("api/server/"))
      complain(
        line,
        `imports ${target}`,
        "api/server/ and types are shared; what a route does is called over `call()`",
      );
    if (room.uses === "any but api") {
      if (other === "api" || other === "web") complain(line, `imports the ${other}`, room.instead);
    } else if (!room.uses.includes(other) && !(typeOnly && room.types?.includes(other) === true)) {
      const kind = room.types?.includes(other) === true ? "values of" : "";
      complain(line, `imports ${kind} ${other} (${target})`.replace("  ", " "), room.instead);
    } else if (name === "connectors" && other === "schema" && !tablesOnly.test(target)) {
      complain(line, `imports ${target}`, room.instead);
    }
  }
  if (!readsEnvironment.test(file))
    for (const line of environment)
      complain(
        line,
        "reads process.env",
        "settings are read once, in main files, by loadConfig; take what you need as an argument",
      );
  for (const line of undecoded)
    complain(line, "takes a URL's pathname for a path", "fileURLToPath: a folder's name may have a space");
  return complaints;
}

const files = sourceFiles();

test("every file imports only what its room may", () => {
  expect(files.length).toBeGreaterThan(80);
  expect(files.flatMap((file) => complaintsAbout(file, readSource(file)))).toEqual([]);
});

/** Workflow ids as they are put together: `refresh/713/on-demand` with a star for what is put in, without the stack's prefix. */
const builtIds = (text: string) =>
  [...text.matchAll(/\b\w*[wW]orkflowId\b[^`;?\n]*[:=]\s*`([^`\n]+)`/g)]
    .map(([, id = ""]) => id.replace(/\$\{[^}]*queuePrefix\}/, "").replaceAll(/\$\{[^}]*\}/g, "*"))
    .filter((id) => /^[a-z]/.test(id));

test("a workflow id is put together in one place, or two that start the same would not join", () => {
  const places = new Map<string, string[]>();
  for (const file of files.filter((one) => !/^(?:bench|test)\//.test(one)))
    for (const id of new Set(builtIds(readSource(file)))) places.set(id, [...(places.get(id) ?? []), file]);
  expect([...places].filter(([, where]) => where.length > 1)).toEqual([]);
  expect(builtIds("start({ workflowId: `sync/${source}/${client}`, x })")).toEqual(["sync/*/*"]);
});

test("every exception is used by the rooms that it names", () => {
  const using = Object.keys(exceptions).map((target) => {
    const users = files.filter((file) =>
      parseFile(file, readSource(file)).imports.some(
        ({ from }) => from.startsWith(".") && path.posix.join(path.posix.dirname(file), from) === target,
      ),
    );
    return [target, [...new Set(users.map(roomOf))].filter((room) => exceptions[target]?.includes(room)).sort()];
  });
  expect(using).toEqual(Object.entries(exceptions).map(([target, named]) => [target, [...named].sort()]));
});

test("every row of the table has a room, so that the table does not outlive the house", () => {
  const known = new Set(files.map(roomOf));
  expect(Object.keys(rooms).filter((name) => !known.has(name))).toEqual([]);
});

describe("the table is really executed:", () => {
  test.each([
    ["core/x.ts", 'import pg from "pg";', "imports pg, which core must not"],
    ["core/x.ts", 'import type { Database } from "../schema/database.ts";', "imports schema (schema/database.ts)"],
    ["core/x.ts", 'const { Client } = await import("@temporalio/client");', "imports @temporalio/client"],
    ["core/x.ts", "export const zone = process.env.TZ;", "reads process.env"],
    [
      "connectors/sources/x.ts",
      'import { openDatabase } from "../../schema/database.ts";',
      "imports schema/database.ts",
    ],
    [
      "connectors/x.ts",
      'export { mergeSlice } from "../queries/sync/merge.ts";',
      "imports queries (queries/sync/merge.ts)",
    ],
    ["connectors/x.ts", 'const key = process.env["KEY"];', "reads process.env"],
    ["schema/x.ts", 'import pg from "pg";', "imports pg, which schema must not"],
    ["queries/x.ts", 'import { createHttp } from "../connectors/http.ts";', "imports connectors (connectors/http.ts)"],
    ["queries/x.ts", 'import { heartbeat } from "@temporalio/activity";', "imports @temporalio/activity"],
    ["activities/x.ts", 'import { Client } from "@temporalio/client";', "imports @temporalio/client"],
    ["activities/x.ts", 'import { syncSlice } from "../workflows/sync/sync-slice.ts";', "imports workflows"],
    ["workflows/x.ts", 'import { createHash } from "node:crypto";', "imports node:crypto"],
    ["workflows/x.ts", 'import { cents } from "../core/money.ts";', "imports values of core (core/money.ts)"],
    ["workflows/x.ts", 'import { type A, b } from "../activities/sync/sync.ts";', "imports values of activities"],
    ["workflows/x.ts", 'import "../activities/sync/sync.ts";', "imports values of activities"],
    ["workflows/x.ts", 'import type { Database } from "../schema/database.ts";', "imports schema"],
    ["web/x.tsx", 'import { alertRoutes } from "../api/ops/alerts.ts";', "imports api/ops/alerts.ts"],
    ["web/x.tsx", 'import { sources } from "../connectors/registry.ts";', "imports connectors"],
    ["api/x.ts", 'import { platforms } from "../connectors/platforms/registry.ts";', "imports connectors"],
    ["queries/x.ts", 'import { readPostUrl } from "../connectors/platforms/addresses.ts";', "imports connectors"],
    ["api/x.ts", 'import { webArea } from "../web/pages.tsx";', "imports web"],
    ["scripts/x.ts", 'import { webArea } from "../web/pages.tsx";', "imports the web"],
    ["api/x.ts", 'import { sources } from "../connectors/registry.ts";', "imports connectors"],
    ["api/x.ts", 'import type { Source } from "../connectors/source.ts";', "imports connectors"],
    ["api/x.ts", 'import { backfill } from "../workflows/sync/backfill.ts";', "imports values of workflows"],
    ["scripts/x.ts", 'import { createServer } from "../api/server.ts";', "imports the api"],
    ["workers/x.ts", "const port = process.env.PORT;", "reads process.env"],
    ["sandbox/x.ts", 'import { dailySpend } from "../schema/redtrack.ts";', "imports schema"],
    ["temporal/x.ts", 'import { sources } from "../connectors/registry.ts";', "imports connectors"],
    ["temporal.config.ts", 'import { sources } from "./connectors/registry.ts";', "imports connectors"],
    ["utils/x.ts", "export const x = 1;", "has no row"],
    ["core/x.ts", 'import { a } from "./a.js";', "without its .ts"],
    ["schema/x.ts", 'const folder = new URL("./migrations/", import.meta.url).pathname;', "fileURLToPath"],
    ["schema/x.ts", 'const folder = new URL("./a/", import.meta.url); const path = folder.pathname;', "fileURLToPath"],
  ])("%s may not say %s", (file, line, complaint) => {
    const complaints = complaintsAbout(file, `// first line\n${line}`);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain(complaint);
    if (!complaint.includes("no row")) expect(complaints[0]).toMatch(new RegExp(`^${file}:2 .*Instead: `));
  });

  test.each([
    ["workflows/x.ts", 'import type { SliceResult } from "../activities/sync/sync.ts";'],
    ["workflows/x.ts", 'import { type SliceResult } from "../activities/sync/sync.ts";'],
    ["workflows/x.ts", 'let a: import("../core/money.ts").Money;'],
    ["activities/x.ts", 'import { createHttp } from "../connectors/http.ts";'],
    ["connectors/sources/x.ts", 'import { dailySpend } from "../../schema/redtrack.ts";'],
    ["schema/database.ts", 'import pg from "pg";'],
    ["queries/x.ts", 'import type { PoolClient } from "pg";'],
    ["workers/main.ts", "const env = process.env;"],
    ["scripts/x.ts", 'import { createWorkers } from "../workers/workers.ts"; process.env.X;'],
    ["core/x.ts", '// import pg from "pg"; process.env\nconst text = "process.env";'],
    ["api/recon/x.ts", 'import { readPostUrl } from "../../connectors/platforms/addresses.ts";'],
    ["api/sync/x.ts", 'import { plannedSchedules } from "../../temporal.config.ts";'],
  ])("%s may say %s", (file, line) => {
    expect(complaintsAbout(file, line)).toEqual([]);
  });
});

test("whoever is excepted from a lint rule says which rule, and why", () => {
  const excepted = files.flatMap((file) =>
    readSource(file)
      .split("\n")
      .flatMap((text, index) =>
        text.includes("eslint-disable") &&
        !/eslint-disable(-next-line|-line)? [\w@/-]+(, [\w@/-]+)* -- \S.{15,}/.test(text)
          ? [`${file}:${index + 1}`]
          : [],
      ),
  );
  expect(excepted).toEqual([]);
});

test("docs/architecture.md has a line on every room, and on what it may import", () => {
  const cells = readSource("docs/architecture.md")
    .split("\n")
    .flatMap((line) => (line.startsWith("| `") ? [line.split("|")[1] ?? ""] : []));
  const has = (name: string) => cells.some((cell) => cell.includes(`\`${name}`));
  const missing = Object.keys(rooms).filter((room) => !has(`${room}\``) || (room !== "docs" && !has(`${room}/`)));
  expect(missing).toEqual([]);
});

test("docs/operations.md lists its chapters", () => {
  const text = readSource("docs/operations.md");
  const chapters = [...text.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title);
  expect(chapters.length).toBeGreaterThan(20);
  expect([...text.matchAll(/^- \[(.+)\]\(#/gm)].map(([, title]) => title)).toEqual(chapters);
});
