import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { addDays, clockTime, dayAt } from "../../core/days.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { recordSources } from "../../queries/sync/sources.ts";
import { recordFailure } from "../../queries/sync/ledger.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";
import { readSpend } from "../../test/spend-readings.ts";

const zone = "America/New_York";
const source = "redtrack.daily_spend";
const day = addDays(dayAt(new Date(), zone), -4);
const at = (of: string, hour: number) => clockTime(of, hour, 0, zone);
const hostile = `<svg onload=alert(1)>`;

let database: TestDatabase;
let api: Api;
let headers: Record<string, string>;
let first: number;
let second: number;
let others: number;
beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  await recordSources(pool, [
    { source, vendor: "redtrack", timezone: zone, hours: { from: 7, to: 23 }, minute: 0, comment: "hourly" },
  ]);
  await pool.query("insert into ops.coverage values ('713', $1, $2)", [source, addDays(day, -1)]);
  first = await readSpend(pool, { day, at: at(addDays(day, 1), 8), costs: { fb: "100", tt: "5" } });
  second = await readSpend(pool, { day, at: at(addDays(day, 2), 8), costs: { fb: "90.5" }, runId: "run-2" });
  others = await readSpend(pool, { client: "acme", day, at: at(addDays(day, 1), 8), costs: { fb: "1" } });
  await readSpend(pool, { day: addDays(day, 1), at: at(addDays(day, 2), 8), costs: { fb: "10" }, vendorTotal: "11" });
  await recordFailure(pool, {
    ...{ client: "713", source, day: addDays(day, 2), timezone: zone, runId: "run-3" },
    ...{ type: "VendorUnavailable", reason: "HTTP 500" },
  });
  const alert = { client: "713", area: "sync", kind: "failed_run", details: {} };
  await raiseAlert(pool, { ...alert, subject: `${source} ${day}`, severity: "critical", message: hostile });
  await raiseAlert(pool, { ...alert, subject: "other", severity: "warning", message: "second" });
  ({ api } = await pageServer({ database: pool, env: { TEMPORAL_UI_URL: "http://ui.example:8233" } }));
  headers = await loggedIn(pool);
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string, as = headers) => {
  const answer = await api.inject({ url, headers: as });
  return { status: answer.statusCode, html: answer.body };
};
const post = (url: string, fields: Record<string, string>, as = headers) => {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, payload, headers: { ...as, ...type } });
};

test.each(["/receipts", "/changes", `/freshness/${source}/${day}`, "/runs", "/audit"])(
  "every figure of %s is the one of its JSON route",
  async (url) => {
    const { status, html } = await open(url);
    expect([status, (await compareFigures(api, html)).wrong]).toEqual([200, []]);
    expect(html).not.toContain(hostile);
  },
);

describe("a receipt", () => {
  test("says what it changed against the reading before, and leads to its workflow", async () => {
    const { html } = await open(`/receipts/${second}`);
    expect((await compareFigures(api, html)).wrong).toEqual([]);
    expect(html).toMatch(/>−14\.50<\/span> against the reading before/);
    expect(html).toContain(`href="/receipts/${first}"`);
    expect(html).toContain(
      `http://ui.example:8233/namespaces/default/workflows/${encodeURIComponent(`${source}/713/${day}`)}/wf-`,
    );
    // fb changed and tt was withdrawn; the day before is no part of it.
    expect(html.match(/<tr data-row=/g)).toHaveLength(2);
  });

  test("that was overtaken says which one the day rests on now", async () => {
    expect((await open(`/receipts/${first}`)).html).toContain("The day was read again since");
  });

  test.each(["of another client", "that is none"])("%s is not found", async (which) => {
    expect((await open(`/receipts/${which === "that is none" ? "abc" : others}`)).status).toBe(404);
  });
});

test("changes are filtered by source, day, kind, run and receipt, and exported whole", async () => {
  const { html } = await open(`/changes?kind=changed&day=${day}&source=${source}`);
  expect(html.match(/<tr data-row=/g)).toHaveLength(1);
  expect(html).toContain("−9.50");
  const csv = parse((await open("/changes.csv?runId=run-2")).html, { columns: true }) as Record<string, string>[];
  expect(csv.map(({ kind }) => kind).sort()).toEqual(["changed", "withdrawn"]);
  expect((await open("/changes?kind=none")).status).toBe(400);
});

test("the grid tells final, partial, failed and missing days apart, and each leads on", async () => {
  const { html } = await open(`/freshness?from=${addDays(day, -2)}&to=${addDays(day, 3)}`);
  const cell = (of: string) => new RegExp(`href="/freshness/${source}/${of}"[^>]*>(.*?)</a>`).exec(html)?.[1] ?? "";
  expect(cell(day)).toContain("final");
  expect(cell(addDays(day, 1))).toContain("partial");
  expect(cell(addDays(day, 2))).toContain("failed");
  expect(cell(addDays(day, 3))).toContain("missing");
  expect(cell(addDays(day, -1))).toContain("missing");
  expect(cell(addDays(day, -2))).toContain("not scheduled");
  const csv = parse((await open(`/freshness.csv?from=${day}&to=${day}`)).html, { columns: true });
  expect(csv).toEqual([expect.objectContaining({ day, source, state: "final", rows: "1", total: "90.50" })]);
});

describe("what a mock server made up", () => {
  const badge = '<span class="badge warning">sandbox</span>';
  const range = `from=${addDays(day, -3)}&to=${addDays(day, 1)}`;
  beforeAll(async () => {
    const costs = { fb: "7" };
    for (const back of [addDays(day, -3), addDays(day, -2)])
      await readSpend(database.pool, {
        client: "cheap",
        day: back,
        at: at(addDays(back, 1), 8),
        costs,
        origin: "sandbox",
      });
  });

  test("is marked in the heading of its feed, on its card, on the day and in the export", async () => {
    const as = await loggedIn(database.pool, { client: "cheap" });
    const { html } = await open(`/freshness?${range}`, as);
    expect(html).toContain(`<th scope="col">${source} ${badge}</th>`);
    expect(html.split(badge)).toHaveLength(3);
    expect((await open(`/freshness/${source}/${addDays(day, -3)}`, as)).html).toContain(badge);
    const csv = parse((await open(`/freshness.csv?${range}`, as)).html, { columns: true }) as Record<string, string>[];
    expect(csv.map((row) => row["origin"])).toEqual(["", "", "", "sandbox", "sandbox"]);
  });

  test("is not said of what a vendor sent", async () => {
    expect((await open(`/freshness?${range}`)).html).not.toContain(badge);
  });
});

describe("files in the grid", () => {
  const today = dayAt(new Date(), zone);
  const back = (days: number) => addDays(today, -days);
  const cellsOf = (html: string) =>
    new Map(
      [...html.matchAll(/<th scope="row">([\d-]+)<\/th>(.*?)<\/tr>/gs)].map(([, of = "", cells = ""]) => [
        of,
        cells.split("<td>").at(-1) ?? "",
      ]),
    );
  const ids: Record<string, number> = {};

  /** One file a day for two weeks, but for three days; of one lines are rejected, one was read before its end, one twice. */
  beforeAll(async () => {
    const { pool } = database;
    const file = async (name: string, of: string, { at: when = at(addDays(of, 1), 9), outcome = "ingested" } = {}) => {
      const { rows } = await pool.query<{ id: number }>(
        `insert into ops.files (_client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, outcome, reason, lines, inserted, run_id, workflow_id, started_at, committed_at)
         values ('713', 'rtb.performance', $1, 'import', 'in', 1, $1, 'of a <partner>', '1', 'o', $2, 'no', 10, 10, $1, 'w', $3, $3) returning file_id as id`,
        [name, outcome, when],
      );
      const fileId = rows[0]?.id ?? 0;
      ids[name] = fileId;
      if (outcome === "ingested")
        await pool.query(
          `insert into ops.file_days (_client_id, date, file_id, inserted, spend_after) values ('713', $1, $2, 10, 12.345)`,
          [of, fileId],
        );
    };
    for (let days = 14; days > 2; days -= 1) if (days !== 4) await file(`day-${days}`, back(days));
    await file("refused.csv", back(4), { outcome: "refused" });
    await file("early", today, { at: at(today, 0) });
    await file("again", back(6), { at: new Date() });
    await pool.query(`update ops.file_days set taken_over = 4, spend_taken_over = 5 where file_id = $1`, [
      ids["day-6"],
    ]);
    await pool.query(
      `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id) values ('713', 'rtb.performance', $1, 1, 'odd', 'sealed:x', 'h', 'r')`,
      [`file/${ids["day-5"]}`],
    );
  });

  test("are final, provisional, partial, failed or missing, and each leads to its file or to an upload", async () => {
    const { html } = await open(`/freshness?from=${back(14)}&to=${today}`);
    expect(html).toContain("<bdi>of a &lt;partner></bdi>");
    const cells = cellsOf(html);
    expect(cells.get(back(3))).toMatch(new RegExp(`href="/files/${ids["day-3"]}"[^>]*>.*final`));
    expect(cells.get(back(4))).toMatch(
      new RegExp(`href="/files/${ids["refused.csv"]}" title="refused.csv was refused".*failed`),
    );
    expect(cells.get(back(5))).toMatch(/its files have 1 rejected line".*partial/);
    expect(cells.get(today)).toMatch(/before the day had ended".*provisional/);
    expect(cells.get(back(2))).toMatch(/missing.*class="cell" href="\/files\/upload" aria-label="Upload a file with/);
    const both = `/files?mapping=of%20a%20%3Cpartner%3E&amp;day=${back(6)}`;
    expect(cells.get(back(6))).toContain(`href="${both}"`);
    const list = (await open(both.replace("&amp;", "&"))).html;
    expect([list.match(/<tr data-row=/g)?.length, list.includes(">again<"), list.includes(">day-6<")]).toEqual([
      2,
      true,
      true,
    ]);
    expect((await open(`/files?day=${back(2)}`)).html).toContain(`No file has rows of ${back(2)}`);
    expect((await open("/", headers)).html).toMatch(
      new RegExp(
        `Files</strong> read as <bdi>of a &lt;partner></bdi>.*?/files\\?mapping=of%20a%20%3Cpartner%3E&amp;day=${back(2)}`,
      ),
    );
  });

  test("say which are of made-up creatives, in the grid, in lists, on their own page and in exports", async () => {
    const name = "day-3";
    const pages = [`/freshness?from=${back(5)}&to=${back(3)}`, `/files?day=${back(3)}`, `/files/${ids[name]}`];
    const badges = async () =>
      Promise.all(
        pages.map(async (url) => (await open(url)).html.split('<span class="badge warning">sandbox').length - 1),
      );
    const exported = async (url: string) =>
      (parse((await open(url)).html, { columns: true }) as Record<string, string>[]).at(-1)?.["origin"];
    const exports = [`/freshness.csv?from=${back(3)}&to=${back(3)}`, `/files.csv?day=${back(3)}`];
    expect([await badges(), await Promise.all(exports.map(exported))]).toEqual([
      [0, 0, 0],
      ["real", "real"],
    ]);
    await database.pool.query("update ops.files set origin = 'sandbox' where file_id = $1", [ids[name]]);
    expect([await badges(), await Promise.all(exports.map(exported))]).toEqual([
      [2, 1, 1],
      ["sandbox", "sandbox"],
    ]);
    await database.pool.query("update ops.files set origin = 'real' where file_id = $1", [ids[name]]);
  });

  test("have the amounts that the table holds, and the export has what the route says", async () => {
    const answer = await api.inject({
      url: `/api/v1/rtb/performance/days?from=${back(6)}&to=${today}`,
      headers: await bearer(),
    });
    const { items } = answer.json<{ items: { day: string; rows: number; spend: string; fileIds: number[] }[] }>();
    expect(items.find((item) => item.day === back(6))).toMatchObject({
      ...{ rows: 16, spend: "19.69", fileIds: [ids["again"], ids["day-6"]], state: "final" },
    });
    const csv = parse((await open(`/freshness.csv?from=${back(6)}&to=${today}`)).html, { columns: true }) as Record<
      string,
      string
    >[];
    const files = csv.filter((row) => row["source"] === "rtb.performance");
    expect(files.map((row) => [row["day"], row["rows"], row["total"], row["fileIds"]])).toEqual(
      items.map((item) => [item.day, String(item.rows), item.spend, item.fileIds.join(" ")]),
    );
    expect(
      (await open(`/freshness?from=${back(6)}&to=${today}`, await loggedIn(database.pool, { role: "analyst" }))).html,
    ).not.toContain("/files/upload");
  });
});

test("only who may start something is shown the buttons; a dry run comes first", async () => {
  const { html } = await open(`/freshness/${source}/${day}`);
  expect(html).toContain(`name="act" value="look"`);
  expect(html).not.toContain(`value="write"`);
  const analyst = await loggedIn(database.pool, { role: "analyst" });
  expect((await open(`/freshness/${source}/${day}`, analyst)).html).not.toContain(
    '<form method="post" action="/freshness',
  );
  expect((await post("/freshness/backfill", { source, from: day, to: day, key: "k" }, analyst)).statusCode).toBe(404);
});

test("a run of a feed that nobody pulls is refused in words, and nothing is started", async () => {
  const answer = await post("/freshness/backfill", { source: "no.such", from: day, to: day, key: "k" });
  expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining("is none that is pulled")]);
});

test("runs are exported under the filters of their page, and so is spend of no affiliate under its period", async () => {
  const runs = parse((await open("/runs.csv?waiting=yes")).html, { columns: true }) as Record<string, string>[];
  const { rows } = await database.pool.query("select run_id from ops.runs where _client_id = '713'");
  expect(runs.map(({ runId }) => runId).sort()).toEqual(rows.map(({ run_id: id }) => String(id)).sort());
  expect(parse((await open("/runs.csv?outcome=failed&source=no.such")).html, { columns: true })).toEqual([]);
  const spend = parse((await open(`/cost/mapping.csv?from=${day}&to=${day}`)).html, { columns: true });
  expect(spend).toEqual([expect.objectContaining({ sourceId: "fb", cost: "90.50" })]);
});

describe("alerts", () => {
  test("are listed as text, filtered, and lead to what they are about", async () => {
    const { html } = await open("/alerts?severity=critical");
    expect(html).not.toContain(hostile);
    expect(html).toContain("&lt;svg onload");
    expect(html).toContain(`href="/freshness/${source}/${day}"`);
    expect(html).not.toContain("second");
    expect((await open("/alerts?area=recon")).html).toContain("No open alert");
  });

  test("are resolved with notes by who may, which the audit log has; and never sent anywhere else", async () => {
    const id = /action="\/alerts\/(\d+)\/resolve"/.exec((await open("/alerts?severity=warning")).html)?.[1] ?? "";
    const analyst = await loggedIn(database.pool, { role: "analyst" });
    expect((await post(`/alerts/${id}/resolve`, { notes: "x" }, analyst)).statusCode).toBe(404);
    expect((await post(`/alerts/${id}/resolve`, { notes: "x", back: "//evil.example" })).statusCode).toBe(400);
    const done = await post(`/alerts/${id}/resolve`, { notes: "key renewed", back: "/alerts?severity=warning" });
    expect([done.statusCode, done.headers.location]).toEqual([303, "/alerts?severity=warning"]);
    expect((await open("/alerts?state=resolved")).html).toContain("key renewed");
    expect((await open("/audit?action=alert_resolved")).html).toContain(`alert/${id}`);
  });

  test("are exported with the same filters", async () => {
    const csv = parse((await open("/alerts.csv?state=all&severity=critical")).html, { columns: true });
    expect(csv).toEqual([expect.objectContaining({ severity: "critical", message: hostile })]);
  });
});

test("the audit log is the admin's alone, on the page and as a file", async () => {
  const operator = await loggedIn(database.pool, { role: "operator" });
  expect([(await open("/audit", operator)).status, (await open("/audit.csv", operator)).status]).toEqual([404, 404]);
  expect((await open("/audit.csv")).status).toBe(200);
});

test.each(["/receipts", "/changes", "/freshness", "/runs", "/alerts", "/audit"])(
  "%s says what to do when it is empty",
  async (url) => {
    const { status, html } = await open(url, await loggedIn(database.pool, { client: "nobody" }));
    expect([status, /class="empty"|Sync now/.test(html)]).toEqual([200, true]);
  },
);

test("a reading whose run is not among the runs names it without a link, and every link to a run leads to one", async () => {
  await database.pool.query("delete from ops.runs where run_id = 'run-2'");
  const pages = ["/receipts", `/receipts?source=${source}&day=${day}`, `/receipts/${first}`, `/receipts/${second}`];
  const htmls = await Promise.all([...pages, "/changes"].map(async (url) => (await open(url)).html));
  const links = new Set(
    htmls.flatMap((html) => [...html.matchAll(/href="(\/runs\/[^"]+)"/g)].map(([, link = ""]) => link)),
  );
  expect(links.size).toBeGreaterThan(0);
  for (const link of links) expect([link, (await open(link)).status]).toEqual([link, 200]);
  expect(htmls[3]).toContain('title="run-2: not among the runs"');
});
