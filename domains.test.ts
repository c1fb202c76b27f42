import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseFile, readSource, sourceFiles, type Parsed } from "./test/source-files.ts";

/** Rooms whose second segment is a domain. The connectors' is a kind of vendor, the schema's a Postgres schema. */
const arranged = ["rules", "queries", "activities", "workflows", "api"];

/** What every domain of a room may use. */
const common = ["shared", "server"];

interface Domain {
  /** Domains whose files it may import. */
  uses: readonly string[] | "all";
  /** Postgres schemas that its statements may name. */
  schemas: readonly string[] | "all";
}

/** Which domain may use which, and why where it is not plain. */
const domains: Record<string, Domain> = {
  shared: { uses: [], schemas: ["ops"] },
  // Who is let in, and how often, is kept in ops.
  server: { uses: ["ops"], schemas: ["ops"] },
  // Alerts and the audit log are everybody's (see `everybodys`); all else of ops looks at the others, not they at it.
  ops: { uses: "all", schemas: "all" },
  // After a pull, sync compares what it stored with what the conversions say.
  sync: { uses: ["conversions"], schemas: ["ops", "redtrack", "everflow", "anytrack"] },
  conversions: { uses: [], schemas: ["ops", "anytrack", "everflow"] },
  // What a conversion cost is a join of both.
  cost: { uses: ["conversions", "sync"], schemas: ["ops", "public", "redtrack", "everflow", "anytrack"] },
  files: { uses: [], schemas: ["ops", "rtb"] },
  // A message is a line of a file that never ends.
  streams: { uses: ["files"], schemas: ["ops", "rtb"] },
  rtb: { uses: [], schemas: ["ops", "rtb"] },
  // A warehouse's day is a slice of a feed, and its rows are stored as those of a file.
  warehouses: { uses: ["sync", "files", "rtb"], schemas: ["ops", "rtb"] },
  recon: { uses: [], schemas: ["ops", "recon"] },
  // What is owed follows from conversions, and is held for what reconciliation found.
  payouts: { uses: [], schemas: ["ops", "payouts", "everflow", "recon"] },
  promo: { uses: ["conversions"], schemas: ["ops", "promo"] },
  // What does not add up between vendors is seen by reading all of them.
  findings: {
    // What AnyTrack misses is sent to it as any conversion is.
    uses: ["conversions"],
    schemas: ["ops", "public", "redtrack", "everflow", "anytrack", "promo", "rtb", "findings"],
  },
  intelligence: { uses: ["rtb"], schemas: ["ops", "rtb", "intelligence"] },
  // A change follows from waste or from an opportunity.
  pretargeting: { uses: ["rtb", "intelligence"], schemas: ["ops", "rtb"] },
  overview: { uses: "all", schemas: "all" },
  // What assistants are shown is what the JSON routes answer: shapes of all, and no statement of its own.
  mcp: { uses: "all", schemas: [] },
};

/** Files of ops that every domain may use. */
const everybodys = /^[a-z]+\/ops\/(alerts|accepted-alerts|audit)\.ts$/;

/** Single files through which two domains meet, each with its reason. */
const meetings: Record<string, string> = {
  "files > queries/rtb/seats.ts": "creatives that a file names first belong to a seat, which says how many it has",
  "files > queries/rtb/rollups.ts": "a file's days are rolled up in the transaction that stores them",
  "streams > queries/rtb/seats.ts": "a message that names a seat nobody has is told from trouble of the database",
  "rtb > activities/files/ingest.ts": "sums per creative are recomputed where files are merged, on their queue",
};

const files = sourceFiles();
const parsed = new Map(files.map((file): [string, Parsed] => [file, parseFile(file, readSource(file))]));

/** Null for a file that belongs to no domain: the composition of a room lies in the room itself. */
function domainOf(file: string): string | null {
  const [room = "", domain = "", ...rest] = file.split("/");
  return arranged.includes(room) && rest.length > 0 ? domain : null;
}

const targetOf = (file: string, from: string) => path.posix.join(path.posix.dirname(file), from);

function complaintsAbout(file: string, { imports, tables }: Parsed): string[] {
  const own = domainOf(file);
  if (own === null) return [];
  const domain = domains[own];
  if (domain === undefined) return [`${file}: the domain ${own} has no row in domains.test.ts: decide what it may use`];
  const complaints: string[] = [];
  for (const { line, from } of imports) {
    if (!from.startsWith(".")) continue;
    const target = targetOf(file, from);
    const other = domainOf(target);
    if (other === null || other === own || domain.uses === "all" || domain.uses.includes(other)) continue;
    if (common.includes(other) || everybodys.test(target) || `${own} > ${target}` in meetings) continue;
    complaints.push(
      `${file}:${line} imports ${target}, but ${own} does not use ${other}. Instead: share it in shared/`,
    );
  }
  for (const { line, schema, table } of tables) {
    if (!knownSchemas.has(schema) || domain.schemas === "all" || domain.schemas.includes(schema)) continue;
    complaints.push(`${file}:${line} reads ${schema}.${table}, but ${own} does not know the tables of ${schema}`);
  }
  return complaints;
}

const knownSchemas = new Set(Object.values(domains).flatMap(({ schemas }) => (schemas === "all" ? [] : schemas)));

/** Files that import each other, in whatever way: each group in which every file reaches every other. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) ?? 0);
    open.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (open.includes(next)) low.set(file, Math.min(low.get(file) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}

function graphOf(all: ReadonlyMap<string, Pick<Parsed, "imports">>): Map<string, string[]> {
  return new Map(
    [...all].map(([file, { imports }]) => [
      file,
      imports.filter(({ from }) => from.startsWith(".")).map(({ from }) => targetOf(file, from)),
    ]),
  );
}

test("every domain uses only what its row allows, in imports and in statements", () => {
  expect([...parsed].flatMap(([file, one]) => complaintsAbout(file, one))).toEqual([]);
});

test("every meeting of two domains still takes place", () => {
  const met = [...parsed].flatMap(([file, { imports }]) =>
    imports.map(({ from }) => `${domainOf(file) ?? ""} > ${targetOf(file, from)}`),
  );
  expect(Object.keys(meetings).filter((one) => !met.includes(one))).toEqual([]);
});

test("no two files import each other, by whatever way round", () => {
  expect(circles(graphOf(parsed))).toEqual([]);
});

test("nothing that only tests use is built into dist/", () => {
  const builtIn = [...parsed].filter(([, { imports }]) =>
    imports.some(({ from }) => /^@jest\/|^fast-check$/.test(from)),
  );
  expect(builtIn.map(([file]) => file)).toEqual([]);
  const fromTests = [...parsed].flatMap(([file, { imports }]) =>
    imports.filter(({ from }) => /^test\//.test(targetOf(file, from))).map(({ from }) => `${file}: ${from}`),
  );
  expect(fromTests).toEqual([]);
});

describe("the table is really executed:", () => {
  const read = (text: string) => (file: string) => complaintsAbout(file, parseFile(file, text));

  test.each([
    ["queries/recon/x.ts", 'import { a } from "../rtb/a.ts";', "recon does not use rtb"],
    ["rules/files/x.ts", 'import type { A } from "../recon/a.ts";', "files does not use recon"],
    ["activities/sync/x.ts", 'import { house } from "../../queries/ops/retention.ts";', "sync does not use ops"],
    ["workflows/harbour/x.ts", "export const x = 1;", "has no row"],
    ["queries/recon/x.ts", "const q = `select 1 from rtb.creatives`;", "reads rtb.creatives"],
    ["queries/rtb/x.ts", "const q = `${a} join recon.posts on true ${b}`;", "reads recon.posts"],
  ])("%s may not say %s", (file, line, complaint) => {
    const complaints = read(`// first\n${line}`)(file);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain(complaint);
  });

  test.each([
    ["queries/recon/x.ts", 'import { raiseAlert } from "../ops/alerts.ts";'],
    ["activities/ops/x.ts", 'import { a } from "../../queries/recon/a.ts";'],
    ["api/recon/x.ts", 'import { allow } from "../server/access.ts";'],
    ["queries/recon/x.ts", "// from rtb.creatives\nconst q = `select 1 from recon.posts`;"],
  ])("%s may say %s", (file, line) => {
    expect(read(line)(file)).toEqual([]);
  });

  test("a circle of three files is found, also when one only takes a type", () => {
    const texts = {
      "core/a.ts": 'import { b } from "./b.ts";',
      "core/b.ts": 'import type { C } from "./c.ts";',
      "core/c.ts": 'export { a } from "./a.ts";',
      "core/d.ts": 'import { a } from "./a.ts";',
    };
    const all = new Map(Object.entries(texts).map(([file, text]) => [file, parseFile(file, text)]));
    expect(circles(graphOf(all))).toEqual([["core/a.ts", "core/b.ts", "core/c.ts"]]);
  });
});

test("docs/architecture.md says what each domain is", () => {
  const line =
    readSource("docs/architecture.md")
      .split("\n")
      .find((one) => one.startsWith("The domains:")) ?? "";
  const missing = Object.keys(domains).filter((name) => !common.includes(name) && !line.includes(`\`${name}\` (`));
  expect(missing).toEqual([]);
});
