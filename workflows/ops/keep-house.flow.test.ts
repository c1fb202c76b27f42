import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { startStack, uniqueId, type TestStack } from "../../test/stack.ts";
import type { MaintenanceSummary } from "./keep-house.ts";

jest.setTimeout(60_000);

interface Told {
  kind: string;
  subject: string;
  text: string;
}

let stack: TestStack;
let webhook: Server;
let told: Told[] = [];
/** Statuses of the next answers; 200 after them. */
let answers: number[] = [];
/** The subject of an alert that is refused each time. */
let refuse: string | null = null;

beforeAll(async () => {
  webhook = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const isRefused = refuse !== null && (JSON.parse(body) as Told).subject === refuse;
      const status = isRefused ? 400 : (answers.shift() ?? 200);
      if (status === 200) told.push(JSON.parse(body) as Told);
      response.writeHead(status).end(status === 400 ? "no" : "ok");
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, "127.0.0.1", resolve));
  stack = await startStack({
    ALERT_WEBHOOK_URL: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/hooks/signal-room`,
    RETENTION_RECEIPTS_DAYS: "30",
    RETENTION_RESTATEMENTS_DAYS: "30",
    RETENTION_QUARANTINE_DAYS: "30",
    RETENTION_RUNS_DAYS: "30",
  });
  // Every source is mapped to an affiliate: nothing to tell of there.
  const dump = (await stack.control("GET", "/dump?vendor=redtrack&client=713&from=2025-12-01&to=2025-12-31")) as {
    source_id: string;
  }[];
  await stack.rows(
    `insert into public.affiliate_mapping (_client_id, redtrack_source_id, everflow_affiliate_label, is_internal, _loaded_by)
     select '713', id, 'everyone', false, 'test' from unnest($1::text[]) id`,
    [[...new Set(dump.map((row) => row.source_id).filter((id) => id !== ""))]],
  );
});
afterAll(async () => {
  await stack.stop();
  webhook.closeAllConnections();
  webhook.close();
});

const source = "redtrack.daily_spend";
const keepHouse = async () =>
  (await (await stack.start("keepHouse", uniqueId("keep-house"))).result()) as MaintenanceSummary;
const pull = async (day: string) => (await stack.start("syncSlice", `${source}/713/${day}`, { source, day })).result();
/** As if the pause after a failed try were over. */
const soon = () => stack.rows("update ops.alerts set notify_after = null");
const alerts = (kind: string) =>
  stack.rows("select times_seen, resolved_at is null as open from ops.alerts where kind = $1 order by alert_id", [
    kind,
  ]);

test("a house in order has nothing to tell", async () => {
  await pull("2025-12-01");
  expect(await keepHouse()).toEqual({ late: [], sent: 0, refused: 0, deleted: 0 });
});

test("a source that was not read in time is told of once, and settles when it is read again", async () => {
  await stack.rows("update ops.slices set fetched_at = now() - interval '2 days'");
  expect(await keepHouse()).toMatchObject({ late: [`${source}/713`], sent: 1 });
  expect(await keepHouse()).toMatchObject({ late: [`${source}/713`], sent: 0 });
  expect(told).toMatchObject([
    {
      kind: "late_source",
      subject: source,
      text: expect.stringMatching(/^\[warning\] redtrack\.daily_spend: last read .* expected after/),
    },
  ]);
  expect(await alerts("late_source")).toEqual([{ times_seen: 2, open: true }]);
  await pull("2025-12-02");
  expect(await keepHouse()).toMatchObject({ late: [], sent: 0 });
  expect(await alerts("late_source")).toEqual([{ times_seen: 2, open: false }]);
});

test("a day that scheduled runs answer for and that is still open is late too", async () => {
  await stack.rows("insert into ops.coverage (_client_id, source, covered_from) values ('713', $1, current_date - 5)", [
    source,
  ]);
  expect(await keepHouse()).toMatchObject({ late: [`${source}/713`], sent: 1 });
  expect(told.at(-1)?.text).toMatch(/\d days are not final: \d{4}-\d\d-\d\d/);
  await stack.rows("delete from ops.coverage");
  expect(await keepHouse()).toMatchObject({ late: [] });
});

test("a source whose spend reaches no affiliate is told of once, and settles when it is mapped", async () => {
  const facebook = "66c79f91be26fd4634569658";
  await stack.rows("update public.affiliate_mapping set redtrack_source_id = 'none' where redtrack_source_id = $1", [
    facebook,
  ]);
  expect(await keepHouse()).toMatchObject({ sent: 1 });
  expect(told.at(-1)).toMatchObject({
    kind: "unmapped_spend",
    subject: "redtrack",
    text: expect.stringContaining('"Facebook CCW"'),
  });
  expect(await keepHouse()).toMatchObject({ sent: 0 });
  await stack.rows("update public.affiliate_mapping set redtrack_source_id = $1 where redtrack_source_id = 'none'", [
    facebook,
  ]);
  await keepHouse();
  expect(await alerts("unmapped_spend")).toEqual([{ times_seen: 2, open: false }]);
});

test("the webhook hears of each alert once, also when it was away for a while", async () => {
  told = [];
  for (const day of ["2025-12-05", "2025-12-06", "2025-12-07"])
    await stack.fault("total_off", { amount: 2, match: { day } });
  const run = await stack.start("backfill", uniqueId("backfill"), { source, from: "2025-12-05", to: "2025-12-07" });
  await run.result();
  // The second alert meets a webhook that is down, and is sent with a later run.
  answers = [200, 503];
  expect(await keepHouse()).toMatchObject({ sent: 2 });
  await soon();
  expect(await keepHouse()).toMatchObject({ sent: 1 });
  expect(told.map(({ kind, subject }) => `${kind} ${subject}`).sort()).toEqual(
    ["05", "06", "07"].map((day) => `unreconciled ${source}/2025-12-${day}`),
  );
});

test("a webhook that says no does not keep the rest of the house from being done", async () => {
  await stack.control("DELETE", "/faults");
  await stack.fault("total_off", { amount: 2, match: { day: "2025-12-09" } });
  await pull("2025-12-09");
  await stack.rows("update ops.runs set finished_at = now() - interval '40 days'");
  answers = [404];
  expect(await keepHouse()).toMatchObject({ sent: 0, refused: 1 });
  expect(await stack.rows("select from ops.runs")).toHaveLength(0);
  await soon();
  expect(await keepHouse()).toMatchObject({ sent: 1 });
});

describe("an alert that the webhook refuses", () => {
  const raise = (subject: string) =>
    raiseAlert(stack.database.pool, {
      ...{ client: "713", area: "test", kind: "test", severity: "warning", message: "m" },
      subject,
    });
  const refused = () =>
    stack.rows(
      "select notify_refusals, notify_note, notified_at, extract(epoch from notify_after - now()) > 500 as later from ops.alerts where subject = 'poison'",
    );

  test("does not keep the ones after it from being sent, and is given up with a note after eight times", async () => {
    await stack.control("DELETE", "/faults");
    told = [];
    refuse = "poison";
    for (const subject of ["before", "poison", "after"]) await raise(subject);
    expect(await keepHouse()).toMatchObject({ sent: 2, refused: 1 });
    expect(told.map(({ subject }) => subject)).toEqual(["before", "after"]);
    expect(await refused()).toEqual([
      { notify_refusals: 1, notify_note: "answered 400: no", notified_at: null, later: true },
    ]);
    // It waits: the next run leaves it out.
    expect(await keepHouse()).toMatchObject({ sent: 0, refused: 0 });
    for (let times = 2; times <= 8; times += 1) {
      await soon();
      expect(await keepHouse()).toMatchObject({ refused: 1 });
    }
    await soon();
    expect(await keepHouse()).toMatchObject({ sent: 0, refused: 0 });
    expect(await refused()).toMatchObject([{ notify_note: "given up after 8 refusals: answered 400: no" }]);
    refuse = null;
    // There is more to it than people were told: it is sent anew.
    await raiseAlert(stack.database.pool, {
      ...{ client: "713", area: "test", kind: "test", severity: "warning", message: "more", isNews: true },
      subject: "poison",
    });
    expect(await keepHouse()).toMatchObject({ sent: 1, refused: 0 });
  });

  test("by not answering it does not keep the ones after it from being sent either", async () => {
    told = [];
    answers = [503, 200, 200];
    for (const subject of ["mute", "second", "third"]) await raise(subject);
    expect(await keepHouse()).toMatchObject({ sent: 2 });
    expect(told.map(({ subject }) => subject)).toEqual(["second", "third"]);
  });
});

test("retention deletes what is older than its setting, and never the current receipt of a slice", async () => {
  await stack.control("DELETE", "/faults");
  const days = ["2025-12-20", "2025-12-21"];
  for (const day of [...days, ...days]) await pull(day);
  const run = await stack.start("backfill", uniqueId("backfill"), { source, from: "2025-12-22", to: "2025-12-22" });
  await run.result();
  // Of the first day everything is old, the receipt it stands on included; of the others nothing is.
  await stack.rows("update ops.receipts set committed_at = now() - interval '31 days' where slice = $1", [days[0]]);
  await stack.rows("update ops.restatements set recorded_at = now() - interval '31 days' where slice = $1", [days[0]]);
  const count = async (table: string, day = days[0]) =>
    (await stack.rows(`select from ops.${table} where slice = $1`, [day])).length;
  const spend = await stack.rows("select * from redtrack.daily_spend order by date, source_id");
  const restatements = await count("restatements");
  const others = [await count("receipts", days[1]), await count("restatements", days[1])];
  expect([await count("receipts"), restatements > 0]).toEqual([2, true]);

  expect(await keepHouse()).toMatchObject({ deleted: 1 + restatements });
  expect([await count("receipts"), await count("restatements")]).toEqual([1, 0]);
  expect([await count("receipts", days[1]), await count("restatements", days[1])]).toEqual(others);
  expect(
    await stack.rows(
      "select receipt_id = (select receipt_id from ops.receipts where slice = s.slice) as current from ops.slices s where slice = $1",
      [days[0]],
    ),
  ).toEqual([{ current: true }]);
  expect(await stack.rows("select outcome from ops.runs")).toEqual([{ outcome: "completed" }]);
  expect(await stack.rows("select * from redtrack.daily_spend order by date, source_id")).toEqual(spend);
  expect(await keepHouse()).toMatchObject({ deleted: 0 });
});
