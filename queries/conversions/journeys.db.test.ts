import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Big } from "big.js";
import fc from "fast-check";
import { attributionModels, type AttributionModel } from "../../rules/conversions/attribution.ts";
import { readWebhookBody } from "../../rules/conversions/webhook-body.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { receiveEvents } from "./anytrack-events.ts";
import { findConversion } from "./anytrack-reports.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(() =>
  database.pool.query(
    "truncate anytrack.webhook_events, anytrack.conversions, anytrack.clicks, anytrack.touchpoints, anytrack.attribution",
  ),
);
afterAll(() => database.drop());

const client = "713";
const dayMs = 86_400_000;
const bought = Date.UTC(2026, 2, 8, 15);
const daysBefore = (days: number) => new Date(bought - days * dayMs).toISOString();
const sale = (order: string, more: object = {}) => ({
  eventName: "Purchase",
  eventTime: daysBefore(0),
  eventValue: "60",
  currency: "USD",
  transactionId: order,
  ...more,
});
const click = (clickId: string, days: number, more: object = {}) => ({
  eventName: "OutboundClick",
  clickId,
  eventTime: daysBefore(days),
  source: `source of ${clickId}`,
  ...more,
});

async function receive(events: object[], { of = client, halfLifeDays = 7 } = {}): Promise<void> {
  const read = { now: new Date(bought + dayMs), visitorKey: "a key of the tests" };
  const body = readWebhookBody(JSON.stringify(events), read);
  if (body.kind === "problem") throw new Error(JSON.stringify(body.details));
  await receiveEvents(database.pool, { client: of, origin: "real", ...body }, { halfLifeDays });
}
async function journey(order: string) {
  const found = await findConversion(database.pool, { client, key: `order:${order}` });
  if (found === null) throw new Error(`no order ${order}`);
  const weights = (model: AttributionModel) =>
    found.weights.filter((share) => share.model === model).map(({ weight }) => weight);
  return { state: found.journey, steps: found.touchpoints, weights };
}

describe("a journey is made of what is known", () => {
  test("the webhook alone: a conversion's click is its touchpoint, whichever comes first", async () => {
    await receive([click("c-1", 2), sale("before", { clickId: "c-1" })]);
    await receive([sale("after", { clickId: "c-2", source: "said by the sale" })]);
    expect(await journey("after")).toMatchObject({ state: "conversion", steps: [{ source: "said by the sale" }] });
    await receive([click("c-2", 3)]);
    for (const [order, clickId] of [
      ["before", "c-1"],
      ["after", "c-2"],
    ] as const) {
      const { state, steps, weights } = await journey(order);
      expect([state, steps.map((step) => [step.origin, step.clickId, step.source])]).toEqual([
        "clicks",
        [["click", clickId, `source of ${clickId}`]],
      ]);
      for (const model of attributionModels) expect(weights(model)).toEqual(["1.000000"]);
    }
  });

  test("clicks of one visitor in the 30 days before are one journey, and the models differ over it", async () => {
    const clientId = "visitor-1";
    await receive([
      click("old", 31, { clientId }),
      click("first", 14, { clientId }),
      click("second", 7, { clientId }),
      click("other", 6, { clientId: "visitor-2" }),
      click("last", 0, { clientId }),
      click("later", -0.1, { clientId }),
      sale("A", { clientId, clickId: "last" }),
    ]);
    const { state, steps, weights } = await journey("A");
    expect([state, steps.map((step) => step.clickId)]).toEqual(["clicks", ["first", "second", "last"]]);
    expect(weights("last_click")).toEqual(["0.000000", "0.000000", "1.000000"]);
    expect(weights("first_click")).toEqual(["1.000000", "0.000000", "0.000000"]);
    expect(weights("linear")).toEqual(["0.333334", "0.333333", "0.333333"]);
    expect(weights("time_decay")).toEqual(["0.142857", "0.285714", "0.571429"]);
  });

  test("without a click the conversion's own words stand, at the time it gives of its click", async () => {
    await receive([
      sale("A", { source: "newsletter", campaignId: "spring" }),
      sale("B", { clickId: "c-9", clickTime: daysBefore(4) }),
      sale("C"),
    ]);
    expect(await journey("A")).toMatchObject({
      state: "conversion",
      steps: [{ origin: "conversion", type: "visit", source: "newsletter", campaignId: "spring" }],
    });
    expect(await journey("B")).toMatchObject({
      state: "conversion",
      steps: [{ type: "click", at: new Date(daysBefore(4)) }],
    });
    expect(await journey("C")).toMatchObject({ state: "unknown", steps: [] });
  });

  test("a journey that the vendor tells takes the place of what we made of clicks, and counts them", async () => {
    await receive([click("c-1", 2), sale("A", { clickId: "c-1" })]);
    const touchpoints = [{ type: "view", source: "told", timestamp: daysBefore(5) }];
    await receive([sale("A", { clickId: "c-1", eventTime: daysBefore(-0.1), touchpoints })]);
    expect(await journey("A")).toMatchObject({ state: "told", steps: [{ origin: "told", source: "told" }] });
    await receive([click("c-1b", 1)]);
    expect(await journey("A")).toMatchObject({ state: "told", steps: [{ source: "told" }] });
  });

  test("another client's clicks are nobody's here", async () => {
    await receive([click("c-1", 2)], { of: "acme" });
    await receive([sale("A", { clickId: "c-1" })]);
    expect(await journey("A")).toMatchObject({ state: "conversion" });
  });

  test("a click and its conversion that come at the same moment find each other, always", async () => {
    const pairs = Array.from({ length: 60 }, (_, index) => [
      receive([click(`c-${index}`, 1, { clientId: `v-${index}` })]),
      receive([sale(`O-${index}`, { clickId: `c-${index}`, clientId: `v-${index}` })]),
    ]);
    await Promise.all(pairs.flat());
    const { rows } = await database.pool.query("select journey, count(*)::int from anytrack.conversions group by 1");
    expect(rows).toEqual([{ journey: "clicks", count: 60 }]);
  });

  test("nothing of a visitor's id is stored", async () => {
    await receive([click("c-1", 1, { clientId: "canary-visitor" }), sale("A", { clientId: "canary-visitor" })]);
    const { rows } = await database.pool.query<{ row: string }>(
      "select (c.*)::text as row from anytrack.clicks c union all select (c.*)::text from anytrack.conversions c union all select (e.*)::text from anytrack.webhook_events e",
    );
    expect(rows.filter(({ row }) => row.includes("canary"))).toEqual([]);
  });
});

interface Step {
  type: string;
  daysAgo: number;
}
let told = 0;
async function weighed(steps: readonly Step[], halfLifeDays = 7) {
  const order = `T${(told += 1)}`;
  const touchpoints = steps.map(({ type, daysAgo }) => ({ type, timestamp: daysBefore(daysAgo) }));
  await receive([sale(order, { touchpoints })], { halfLifeDays });
  return (await journey(order)).weights;
}
const step = (type: string, daysAgo: number): Step => ({ type, daysAgo });

describe("each model, worked out by hand", () => {
  const oneClick = [step("click", 3)];
  const aWeekApart = [step("click", 7), step("click", 0)];
  const three = [step("click", 14), step("click", 7), step("click", 0)];
  const viewLast = [step("click", 9), step("click", 2), step("view", 0)];
  const onlyViews = [step("view", 4), step("view", 4)];
  const seven = Array.from({ length: 7 }, (_, index) => step("click", 7 - index));

  test.each<[string, Step[], AttributionModel, string[]]>([
    ["a single click has it all", oneClick, "last_click", ["1.000000"]],
    ["a single click has it all", oneClick, "time_decay", ["1.000000"]],
    ["the later of two", aWeekApart, "last_click", ["0.000000", "1.000000"]],
    ["the earlier of two", aWeekApart, "first_click", ["1.000000", "0.000000"]],
    ["half each", aWeekApart, "linear", ["0.500000", "0.500000"]],
    ["one half-life apart: 1 to 2", aWeekApart, "time_decay", ["0.333333", "0.666667"]],
    ["thirds: the millionth left goes to the first", three, "linear", ["0.333334", "0.333333", "0.333333"]],
    ["1 to 2 to 4, in sevenths", three, "time_decay", ["0.142857", "0.285714", "0.571429"]],
    ["a view after the last click is no click", viewLast, "last_click", ["0.000000", "1.000000", "0.000000"]],
    ["but has its part where all have", viewLast, "linear", ["0.333334", "0.333333", "0.333333"]],
    ["without a click the last step counts, in the order told", onlyViews, "last_click", ["0.000000", "1.000000"]],
    ["and the first", onlyViews, "first_click", ["1.000000", "0.000000"]],
    ["steps of one moment weigh alike", onlyViews, "time_decay", ["0.500000", "0.500000"]],
    ["a million over seven leaves one", seven, "linear", ["0.142858", ...Array<string>(6).fill("0.142857")]],
  ])("%s (%#)", async (_, steps, model, expected) => {
    expect((await weighed(steps))(model)).toEqual(expected);
  });

  test("a longer half-life forgets more slowly", async () => {
    expect((await weighed(aWeekApart, 3.5))("time_decay")).toEqual(["0.200000", "0.800000"]);
  });

  test("the order the steps are told in does not move the last click", async () => {
    expect((await weighed([step("click", 0), step("click", 5)]))("last_click")).toEqual(["0.000000", "1.000000"]);
  });
});

test("weights of every model add up to exactly 1, none is negative, and time decay never gives an older step more", async () => {
  const steps = fc.array(
    fc.record({
      type: fc.constantFrom("click", "view", "impression"),
      daysAgo: fc.integer({ min: 0, max: 4_000_000 }).map((units) => units / 10_000),
    }),
    { minLength: 1, maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.double({ min: 0.01, max: 365, noNaN: true }), async (told, halfLifeDays) => {
      const weights = await weighed(told, halfLifeDays);
      for (const model of attributionModels) {
        expect(weights(model)).toHaveLength(told.length);
        expect(
          weights(model)
            .reduce((sum, weight) => sum.plus(weight), new Big(0))
            .toFixed(),
        ).toBe("1");
        expect(weights(model).every((weight) => /^[01]\.\d{6}$/.test(weight))).toBe(true);
      }
      const decay = weights("time_decay").map(Number);
      // The millionth that is left over may stand a place early.
      for (let index = 1; index < decay.length; index += 1)
        expect(decay[index]).toBeGreaterThanOrEqual((decay[index - 1] ?? 0) - 0.0000011);
    }),
    { numRuns: 60 },
  );
}, 60_000);
