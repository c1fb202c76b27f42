import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judge, type JournaledWrite, type Live, type PlannedWrite, type Theirs } from "./judge.ts";
import { sameLeaf, sizeMember, withLeaf, type Leaf, type Leaves } from "./leaves.ts";
import { propose, type Wanted } from "./propose.ts";
import { chooseRollout, desiredAt, stages, type Change } from "./stages.ts";
import { geoIdOf, placeName } from "./geo-ids.ts";
import { askedText, titleOf, wantedOfWaste } from "./subject.ts";
import { leafText } from "./words.ts";
import { judgeQps, takesTooMuch, whyNoFeed } from "./watch-qps.ts";

const snapshot: Leaves = {
  maximumQps: "1000",
  "geoTargeting.excludedIds": ["2643"],
  includedCreativeDimensions: [sizeMember({ width: 300, height: 250 }), sizeMember({ width: 320, height: 50 })],
  "publisherTargeting.values": ["pub-1"],
  "publisherTargeting.targetingMode": "EXCLUSIVE",
};
const live = (content: Leaves, configId = "1"): Live => ({ configId, displayName: "Apps", isActive: true, content });

describe("one change follows from what is there", () => {
  const changed = (wanted: Wanted, content = snapshot) => {
    const found = propose(wanted, [live(content)], null);
    return "refused" in found ? found.refused : found.target;
  };

  test("countries, publishers and sizes are left out where pretargeting has a list for it", () => {
    expect(changed({ act: "leave_out", by: "country", country: "BR" })).toMatchObject({
      "geoTargeting.excludedIds": ["2076", "2643"],
    });
    expect(changed({ act: "leave_out", by: "publisher", publisherId: "pub-2" })).toMatchObject({
      "publisherTargeting.values": ["pub-1", "pub-2"],
    });
    const size = { width: 320, height: 50 };
    expect(changed({ act: "leave_out", by: "size", sizes: [size] })).toMatchObject({
      includedCreativeDimensions: [sizeMember({ width: 300, height: 250 })],
    });
    const all = withLeaf(snapshot, "includedCreativeDimensions", undefined);
    expect(changed({ act: "leave_out", by: "size", sizes: [size] }, all)).toMatch(/all sizes are included/);
  });

  test("what is let in already, or alone there, is no change", () => {
    expect(changed({ act: "let_in", by: "country", country: "BR" })).toMatch(/nothing in pretargeting/);
    expect(changed({ act: "let_in", by: "size", sizes: [] })).toMatch(/make one first/);
    const alone = { "geoTargeting.includedIds": ["2076"] };
    expect(changed({ act: "leave_out", by: "country", country: "BR" }, alone)).toMatch(/the only country/);
    expect(changed({ act: "let_in", by: "country", country: "AO" }, alone)).toEqual({
      "geoTargeting.includedIds": ["2024", "2076"],
    });
  });

  test("of several configurations a person names one; words and hours are no sizes", () => {
    const wanted: Wanted = { act: "leave_out", by: "country", country: "BR" };
    const two = [live(snapshot), live(snapshot, "2")];
    expect(propose(wanted, two, null)).toMatchObject({ refused: expect.stringMatching(/name one/) });
    expect(propose(wanted, two, "2")).toMatchObject({ configId: "2" });
    expect(wantedOfWaste({ by: "size", value: "300 X 250" })).toMatchObject({ sizes: [{ width: 300, height: 250 }] });
    expect(wantedOfWaste({ by: "size", value: "Interstitial" })).toMatch(/no size/);
    expect(wantedOfWaste({ by: "hour", value: "3" })).toMatch(/no hours/);
  });
});

test("parts of a configuration read as people say them: places by name, sizes, thousands", () => {
  expect(leafText("geoTargeting.excludedIds", ["2643", "2076", "1023191", "2999"])).toBe(
    "Brazil, location 1023191, location 2999, Russia",
  );
  expect(leafText("includedCreativeDimensions", [sizeMember({ width: 300, height: 250 })])).toBe("300x250");
  expect(leafText("publisherTargeting.values", ["2643"])).toBe("2643");
  expect(leafText("maximumQps", "12000")).toBe("12,000");
  expect(leafText("minimumViewabilityDecile", "3")).toBe("30 %");
  expect(leafText("maximumQps", null)).toBeNull();
  expect(titleOf({ act: "let_in", by: "country", country: "PL" })).toBe("Let in the country Poland");
  // Every country that can be left out can be read again.
  for (const country of ["AX", "CI", "TR", "US", "BQ", "IO"]) {
    const id = geoIdOf(country);
    expect(id === null ? null : placeName(id)).not.toMatch(/^location|^[A-Z]{2}$|^null$/);
  }
});

test("a percentage is real only where what it is of is known, and there is a place for a clone", () => {
  const of = { wanted: null, maximumQps: 1_000, active: 2, configs: 2, mostConfigs: 10, measuredQps: 800.7 };
  expect(chooseRollout(of)).toMatchObject({ rollout: "gradual", totalQps: 800 });
  expect(chooseRollout({ ...of, measuredQps: null, maximumQps: 1_200 })).toMatchObject({
    reason: "shares are of 1,200 requests a second, its maximum",
  });
  expect(chooseRollout({ ...of, maximumQps: null })).toMatchObject({ rollout: "at_once" });
  expect(chooseRollout({ ...of, maximumQps: null, active: 1 })).toMatchObject({ rollout: "gradual", totalQps: 800 });
  expect(chooseRollout({ ...of, configs: 10 })).toMatchObject({ rollout: "at_once" });
  const change: Change = { rollout: "gradual", snapshot, target: snapshot, totalQps: 800, cloneName: "c" };
  for (const stage of [10, 50] as const) {
    const { original, clone } = desiredAt(change, stage);
    expect(Number(original["maximumQps"]) + Number(clone?.["maximumQps"])).toBe(800);
  }
});

test("QPS that falls by half and a silent feed end it; a feed that is none keeps it from beginning", () => {
  const reading = { qps: 500, quietSeconds: 1 };
  const of = { baselineQps: 1_000, reading, silentSeconds: 10, isLast: false };
  expect(judgeQps(of)).toBe("fell");
  expect(judgeQps({ ...of, reading: { ...reading, qps: 501 } })).toBe("fine");
  expect(judgeQps({ ...of, reading: { qps: 900, quietSeconds: 11 } })).toBe("silent");
  expect(judgeQps({ ...of, reading: { qps: null, quietSeconds: 1 } })).toBe("fine");
  expect(judgeQps({ ...of, reading: { qps: null, quietSeconds: 1 }, isLast: true })).toBe("silent");
  expect(whyNoFeed({ qps: null, quietSeconds: null }, 10)).toMatch(/no QPS feed/);
  expect(whyNoFeed({ qps: 900, quietSeconds: 64_266.6 }, 900)).toBe(
    "the QPS feed has been silent for 18 hours, more than 15 minutes: a fall would not be seen",
  );
  expect([takesTooMuch(0.5), takesTooMuch(0.49), takesTooMuch(null)]).toEqual([true, false, false]);
});

/** A vendor without a network: writes arrive, get lost, or arrive late. */
function simulate(fates: readonly number[], hand: { at: number; path: string; leaf: string } | null) {
  const target = withLeaf(snapshot, "geoTargeting.excludedIds", ["2076", "2643"]);
  const change: Change = { rollout: "gradual", snapshot, target, totalQps: 1_000, cloneName: "clone" };
  const configs = new Map([["1", { displayName: "Apps", content: snapshot }]]);
  const writes: JournaledWrite[] = [];
  const late: (() => void)[] = [];
  const theirs: Theirs[] = [];
  let [step, settled, next, overwritten] = [0, 0, 2, false];
  /** A request names what it is for by its number: it does nothing to a clone that was made later. */
  const arrive = ({ kind, changes }: PlannedWrite, id: string) => {
    const one = configs.get(id);
    if (kind === "create") {
      if ([...configs.values()].some(({ displayName }) => displayName === "clone")) return;
      configs.set(String(next), { displayName: "clone", content: applied({}, changes) });
      next += 1;
    } else if (kind === "delete") configs.delete(id);
    else if (one !== undefined) configs.set(id, { ...one, content: applied(one.content, changes) });
  };
  const reach = (stage: (typeof stages)[number] | 0, salvage: boolean): boolean => {
    for (let tries = 0; tries < 120; tries += 1) {
      step += 1;
      if (step === hand?.at) {
        const one = configs.get("1");
        if (one !== undefined) configs.set("1", { ...one, content: withLeaf(one.content, hand.path, hand.leaf) });
      }
      const there = [...configs].map(([configId, one]) => ({ configId, isActive: true, ...one }));
      const original = { configId: "1", displayName: "Apps", isActive: true };
      const judged = judge({ change, original, cloneId: null, writes, theirs, live: there }, stage);
      theirs.push(...judged.foreign.filter(({ path }) => !theirs.some((known) => known.path === path)));
      for (const { path, lost } of judged.lost)
        for (const one of theirs) if (one.path === path) Object.assign(one, { lost });
      for (const write of writes)
        if (judged.seen.includes(write.writeId)) Object.assign(write, { state: "arrived", settledNo: (settled += 1) });
      if (judged.seen.length > 0 || judged.lost.length > 0) continue;
      if (theirs.length > 0 && !salvage) return false;
      if (judged.next === null) return true;
      const planned = judged.next;
      const id = planned.which === "original" ? "1" : (judged.cloneId ?? "");
      if (hand !== null && step >= hand.at && planned.which === "original")
        overwritten ||= planned.changes.some(
          ({ path, before }) =>
            path === hand.path &&
            (sameLeaf(before ?? undefined, hand.leaf) || theirs.some((known) => known.path === path)),
        );
      // A vendor that never comes to rest is no subject here: what has not ended after a quarter of an hour goes back.
      const fate = step > 60 ? 0 : (fates[step % fates.length] ?? 0);
      const write: JournaledWrite = { ...planned, writeId: writes.length + 1, state: "sent", settledNo: null };
      writes.push(write);
      if (fate === 0) {
        arrive(planned, id);
        Object.assign(write, { state: "arrived", settledNo: (settled += 1) });
      } else if (fate === 1) arrive(planned, id);
      else if (fate === 2) late.push(() => arrive(planned, id));
      if (fate === 3) late.shift()?.();
    }
    throw new Error("it does not end");
  };
  const isApplied = stages.every((stage) => reach(stage, false));
  if (!isApplied) reach(0, true);
  // What is late arrives before the last look.
  while (late.length > 0) late.shift()?.();
  reach(isApplied ? 100 : 0, true);
  return { isApplied, configs, target, overwritten, theirs };
}

const applied = (content: Leaves, changes: PlannedWrite["changes"]): Leaves =>
  changes.reduce((now, { path, after }) => withLeaf(now, path, after ?? undefined), content);

test("what was another person's once is not written again, and where a late request took it away, that is said", () => {
  const target = withLeaf(snapshot, "geoTargeting.excludedIds", ["2076", "2643"]);
  const change: Change = { rollout: "gradual", snapshot, target, totalQps: 1_000, cloneName: "clone" };
  const capped: JournaledWrite = {
    ...{ writeId: 1, which: "original", kind: "patch", state: "sent", settledNo: null },
    changes: [{ path: "maximumQps", before: "1000", after: "900" }],
  };
  const seen: Theirs = { which: "original", path: "maximumQps", expected: "1000", found: "333" };
  const judged = (maximumQps: string, theirs: Theirs[]) =>
    judge(
      {
        ...{ change, cloneId: null, writes: [capped], theirs, live: [live({ ...snapshot, maximumQps })] },
        original: { configId: "1", displayName: "Apps", isActive: true },
      },
      0,
    );
  expect(judged("333", [])).toMatchObject({ foreign: [{ path: "maximumQps", found: "333" }], lost: [], next: null });
  expect(judged("900", [])).toMatchObject({ foreign: [], lost: [], next: { kind: "patch" } });
  expect(judged("900", [seen])).toMatchObject({ foreign: [], lost: [{ ...seen, lost: { to: "900" } }], next: null });
  expect(judged("900", [{ ...seen, lost: { to: "900" } }])).toMatchObject({ lost: [], next: null });
  // Put back by whoever had changed it.
  expect(judged("1000", [seen])).toMatchObject({ foreign: [], lost: [], next: null });
});

test("a clone that another person works on is theirs; a deletion that was on its way is said to have taken it", () => {
  const change: Change = { rollout: "gradual", snapshot, target: snapshot, totalQps: 1_000, cloneName: "clone" };
  const made: JournaledWrite = {
    ...{ writeId: 1, which: "clone", kind: "create", state: "arrived", settledNo: 1 },
    changes: [{ path: "maximumQps", before: null, after: "100" }],
  };
  const gone: JournaledWrite = { ...made, writeId: 2, kind: "delete", state: "sent", settledNo: null, changes: [] };
  const seen: Theirs = { which: "clone", path: "state", expected: "ACTIVE", found: "SUSPENDED" };
  const clone: Live = {
    configId: "2",
    displayName: "clone",
    isActive: true,
    content: { ...snapshot, maximumQps: "100" },
  };
  const judged = (more: Live[], theirs: Theirs[]) =>
    judge(
      {
        ...{ change, cloneId: "2", writes: [made, gone], theirs, live: [live(snapshot), ...more] },
        original: { configId: "1", displayName: "Apps", isActive: true },
      },
      0,
    );
  expect(judged([clone], [])).toMatchObject({ next: { kind: "delete" } });
  expect(judged([clone], [seen])).toMatchObject({ foreign: [], next: null });
  expect(judged([], [seen])).toMatchObject({ foreign: [], lost: [{ ...seen, lost: { to: "deleted" } }], next: null });
  expect(judged([], [])).toMatchObject({ lost: [] });
});

test("whatever gets lost or comes late, the end is the approved one or the snapshot, and another hand's value stays", () => {
  const hands = fc.option(
    fc.record({
      at: fc.integer({ min: 2, max: 25 }),
      path: fc.constantFrom("minimumViewabilityDecile", "maximumQps", "newField"),
      leaf: fc.constantFrom("7", "333"),
    }),
    { nil: null },
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 }), hands, (fates, hand) => {
      fc.pre(fates.includes(0));
      const { isApplied, configs, target, overwritten, theirs } = simulate(fates, hand);
      const base: Leaves = isApplied ? target : snapshot;
      const now = configs.get("1")?.content ?? {};
      expect(overwritten).toBe(false);
      const [seen] = theirs;
      // Set between a look and what was sent for it, and taken away by that before the next look: nobody can know.
      const isUnseen = hand === null || (seen === undefined && now[hand.path] !== hand.leaf);
      const leaf: Leaf | undefined = isUnseen
        ? undefined
        : seen?.lost === undefined
          ? hand.leaf
          : (seen.lost.to ?? undefined);
      expect(now).toEqual(isUnseen ? base : withLeaf(base, hand.path, leaf));
      expect([...configs.keys()]).toEqual(["1"]);
    }),
    { numRuns: 500 },
  );
});

test("what was asked for is said of plans that were never computed", () => {
  const asked = (wanted: object, opportunityId: number | null = null) => askedText({ wanted, opportunityId });
  expect(asked({ by: "country", value: "BR" })).toBe("Leave out the country Brazil");
  expect(asked({ by: "hour", value: "3" })).toBe("Leave out the hour 03:00");
  expect(asked({ by: "size", value: "unknown" })).toBe("Leave out the size unknown");
  expect(asked({}, 7)).toBe("Let in what opportunity 7 is about");
});
