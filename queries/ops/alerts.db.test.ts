import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { raiseAlert, readAlerts, resolveAlert, settleAlerts, type RaisedAlert } from "./alerts.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(() => database.pool.query("truncate ops.alerts"));
afterAll(() => database.drop());

const late: RaisedAlert = {
  client: "713",
  area: "sync",
  kind: "late_source",
  subject: "redtrack.daily_spend",
  severity: "warning",
  message: "late",
};
const raise = (over: Partial<RaisedAlert> = {}) => raiseAlert(database.pool, { ...late, ...over });
const settle = (over: object = {}) =>
  settleAlerts(database.pool, {
    client: "713",
    area: "sync",
    kinds: ["late_source"],
    subject: "redtrack.daily_spend",
    notes: "read again",
    ...over,
  });
const open = () => readAlerts(database.pool, { open: true, limit: 100 });

test("one alert is open per subject: seen again, it counts and says the latest, and is not new", async () => {
  expect(await raise()).toEqual({ isNew: true });
  expect(await raise({ message: "later still", details: { days: 2 } })).toEqual({ isNew: false });
  expect(await open()).toMatchObject([
    { timesSeen: 2, message: "later still", details: { days: 2 }, resolvedAt: null },
  ]);
});

test("ten raised at once are one", async () => {
  const raised = await Promise.all(Array.from({ length: 10 }, () => raise()));
  expect(raised.filter(({ isNew }) => isNew)).toHaveLength(1);
  expect(await open()).toMatchObject([{ timesSeen: 10 }]);
});

test("another client, kind, area or subject is another alert", async () => {
  await raise();
  for (const over of [
    { client: "acme" },
    { kind: "run_failed" },
    { area: "recon" },
    { subject: "everflow.daily_stats" },
  ]) {
    expect(await raise(over)).toEqual({ isNew: true });
  }
  expect(await open()).toHaveLength(5);
  expect(await readAlerts(database.pool, { client: "acme", limit: 9 })).toMatchObject([{ client: "acme" }]);
});

test("the pipeline takes back what no longer holds, and only that; the next time is a new alert", async () => {
  await raise();
  await raise({ kind: "run_failed" });
  await raise({ client: "acme" });
  await settle();
  expect((await open()).map(({ client, kind }) => `${client} ${kind}`).sort()).toEqual([
    "713 run_failed",
    "acme late_source",
  ]);
  expect(await readAlerts(database.pool, { open: false, limit: 9 })).toMatchObject([
    { resolvedBy: "pipeline", notes: "read again" },
  ]);
  expect(await raise()).toEqual({ isNew: true });
});

test("a person closes an alert once, and only of the own client", async () => {
  await raise();
  const [alert] = await open();
  const by = { client: "713", alertId: alert?.alertId ?? 0, by: "anna", notes: "known" };
  expect(await resolveAlert(database.pool, { ...by, client: "acme" })).toBeNull();
  expect(await resolveAlert(database.pool, by)).toMatchObject({
    resolvedBy: "anna",
    notes: "known",
    resolvedAt: expect.any(Date),
  });
  expect(await resolveAlert(database.pool, by)).toBeNull();
});

test("a page goes on after the last alert of the one before", async () => {
  for (const subject of ["a", "b", "c"]) await raise({ subject });
  const first = await readAlerts(database.pool, { limit: 2 });
  const rest = await readAlerts(database.pool, { limit: 2, beforeId: first.at(-1)?.alertId });
  expect([...first, ...rest].map(({ subject }) => subject)).toEqual(["c", "b", "a"]);
});
