import { describe, expect, test } from "@jest/globals";
import { makeCreatives } from "../../sandbox/data/creatives.ts";
import { factsOf } from "../../bench/made-creatives.ts";
import { campaignName, uniqueName } from "./campaign-name.ts";
import {
  cohesionOf,
  groupCreatives,
  makeCampaigns,
  withoutCreatives,
  type Campaign,
  type Clusters,
} from "./cluster.ts";
import { advertiserKey, toItem, type CreativeFacts } from "./creative-facts.ts";
import type { Decisions, KnownCampaign } from "./keep-campaigns.ts";

const none: Decisions = { pins: new Map(), anchors: new Map() };
const facts = (id: string, app: string | null, more: Partial<CreativeFacts> = {}): CreativeFacts => ({
  id,
  format: "HTML",
  declaredUrls: app === null ? [] : [`https://play.google.com/store/apps/details?id=com.maker.${app}`],
  htmlSnippet: null,
  vastXml: null,
  native: null,
  advertiserName: null,
  detectedBrands: [],
  languages: ["en"],
  genre: null,
  spend: [],
  ...more,
});
const many = (prefix: string, count: number, app: string | null) =>
  Array.from({ length: count }, (_, at) => facts(`${prefix}${at + 1}`, app));

/** What would be stored of an answer: new campaigns get ids. */
const stored = ({ campaigns }: Clusters): KnownCampaign[] =>
  campaigns.map(({ id, anchor, name, namedBy, members }, at) => ({
    id: id ?? `new-${at}-${anchor}`,
    anchor,
    name,
    namedBy,
    members: members.map((member) => member.id),
  }));
const run = (creatives: CreativeFacts[], known: KnownCampaign[] = [], decisions: Decisions = none) =>
  makeCampaigns(groupCreatives(creatives).groups, { known, decisions });
const hashOf = (creatives: CreativeFacts[]) => groupCreatives(creatives).inputHash;
const withMember = ({ campaigns }: Clusters, id: string): Campaign => {
  const found = campaigns.filter(({ members }) => members.some((member) => member.id === id));
  expect(found).toHaveLength(1);
  return found[0] as Campaign;
};
const idsIn = ({ campaigns }: Clusters) => campaigns.flatMap(({ members }) => members.map(({ id }) => id)).sort();

describe("over 652 creatives", () => {
  const creatives = makeCreatives().map(factsOf);
  const first = run(creatives);

  test("each is in one campaign and in one of its variants", () => {
    expect(idsIn(first)).toEqual(creatives.map(({ id }) => id).sort());
    for (const { members, variants } of first.campaigns)
      expect(variants.flatMap((one) => one.members).sort()).toEqual(members.map(({ id }) => id));
    expect(withMember(first, "731100201/9501930369917169165").variants).toContainEqual(
      expect.objectContaining({ language: "pt", format: "VIDEO" }),
    );
  });

  test("the same input gives the same answer and hash, in whatever order; another input another hash", () => {
    expect(run(creatives.toReversed())).toEqual(first);
    expect(hashOf(creatives.toReversed())).toBe(hashOf(creatives));
    expect(hashOf(creatives.slice(1))).not.toBe(hashOf(creatives));
    const spent = creatives.map((one) => ({ ...one, spend: [{ country: "BR", amount: "1.000001" }] }));
    expect(hashOf(spent)).toBe(hashOf(creatives));
  });

  test("a second run over its own answer changes no id and no name, and makes no campaign", () => {
    const known = stored(first);
    const second = run(creatives, known);
    expect(stored(second).sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(known.sort((a, b) => (a.id < b.id ? -1 : 1)));
    expect(second.gone).toEqual([]);
  });

  test("names are those of products, unique and short; confidence is between 0.5 and 0.95", () => {
    const names = first.campaigns.map(({ name }) => name);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
    for (const product of ["Drop Frenzy", "Lumen & Loom", "Gutter Guard Pro", "LingoLoft"])
      expect(names.filter((name) => name.startsWith(product))).toHaveLength(1);
    expect(names.every((name) => name.length >= 3 && name.length <= 80)).toBe(true);
    expect(first.campaigns.every(({ confidence }) => confidence >= 0.5 && confidence <= 0.95)).toBe(true);
  });
});

test("a campaign keeps its id and name while creatives come and go, and its anchor changes", () => {
  const brand = [{ brandId: "7", brandName: "Alpha", advertiserName: null }];
  const sites = ["a1", "a2", "a3"].map((id) =>
    facts(id, null, { declaredUrls: ["https://alpha.example/"], detectedBrands: brand }),
  );
  const known = stored(run(sites));
  const later = run(
    [...sites.slice(1), facts("a4", "alphaapp", { detectedBrands: brand }), facts("a5", "alphaapp")],
    known,
  );
  expect(later.campaigns).toHaveLength(1);
  expect(later.campaigns[0]).toMatchObject({ id: known[0]?.id, name: known[0]?.name });
  expect(withMember(later, "a5").members).toHaveLength(4);
});

test("of a group that falls apart the greater part keeps the campaign, the rest is new", () => {
  const known: KnownCampaign[] = [
    { id: "1", anchor: "advertiser:maker", name: "Both", namedBy: "rules", members: ["a1", "a2", "a3", "b1"] },
  ];
  const later = run([...many("a", 3, "alpha"), ...many("b", 1, "beta")], known);
  expect(withMember(later, "a1").id).toBe("1");
  expect(withMember(later, "b1")).toMatchObject({ id: null, namedBy: "rules" });
});

test("a campaign without creatives is gone, and comes back under its id by its anchor", () => {
  const known = stored(run([...many("a", 2, "alpha"), ...many("b", 2, "beta")]));
  const alpha = known.find(({ members }) => members.includes("a1"));
  expect(run(many("b", 2, "beta"), known).gone).toEqual([alpha?.id]);
  expect(withMember(run([...many("n", 2, "alpha"), ...many("b", 2, "beta")], known), "n1").id).toBe(alpha?.id);
});

describe("what a person did stays:", () => {
  const creatives = [...many("a", 4, "alpha"), ...many("b", 3, "beta")];
  const known = stored(run(creatives));
  const idOf = (creative: string) => known.find(({ members }) => members.includes(creative))?.id ?? "";
  const [alpha, beta] = [idOf("a1"), idOf("b1")];

  test("a name", () => {
    const renamed = known.map((one) => (one.id === alpha ? { ...one, name: "Ours", namedBy: "person" as const } : one));
    expect(withMember(run([...creatives, facts("a5", "alpha")], renamed), "a5")).toMatchObject({
      id: alpha,
      name: "Ours",
      namedBy: "person",
    });
  });

  test("a name, also where the rules would now merge it into a greater campaign", () => {
    const brand = { detectedBrands: [{ brandId: "7", brandName: "X", advertiserName: null }] };
    const one = (id: string) => facts(id, null, { declaredUrls: [`https://${id[0] ?? ""}-site.example/`], ...brand });
    const before: KnownCampaign[] = [
      { id: "1", anchor: "domain:a-site.example", name: "Ours", namedBy: "person", members: ["a1"] },
      { id: "2", anchor: "domain:b-site.example", name: "B", namedBy: "rules", members: ["b1", "b2", "b3"] },
    ];
    const after = run(["a1", "b1", "b2", "b3"].map(one), before);
    expect(after.campaigns).toMatchObject([{ id: "1", name: "Ours" }]);
    expect(after.gone).toEqual(["2"]);
    const both = before.map((campaign) => ({ ...campaign, namedBy: "person" as const }));
    expect(
      run(["a1", "b1", "b2", "b3"].map(one), both).campaigns.map(({ id, members }) => [id, members.length]),
    ).toEqual([
      ["1", 1],
      ["2", 3],
    ]);
  });

  test("a move", () => {
    const decisions: Decisions = { pins: new Map([["a1", beta]]), anchors: new Map() };
    const after = run(creatives, known, decisions);
    expect([withMember(after, "a1").id, withMember(after, "a2").id]).toEqual([beta, alpha]);
  });

  test("a split, and new creatives go to the part that the rules know", () => {
    const split: KnownCampaign = {
      id: "s",
      anchor: "person:s",
      name: "Alpha Brazil",
      namedBy: "person",
      members: ["a1", "a2"],
    };
    const cut = known.map((one) => (one.id === alpha ? { ...one, members: ["a3", "a4"] } : one));
    const decisions: Decisions = { pins: new Map(["a1", "a2"].map((id) => [id, "s"])), anchors: new Map() };
    const after = run([...creatives, facts("a5", "alpha")], [...cut, split], decisions);
    expect(["a1", "a2", "a3", "a5"].map((id) => withMember(after, id).id)).toEqual(["s", "s", alpha, alpha]);
    expect(run(many("b", 3, "beta"), [...cut, split], decisions).campaigns).toContainEqual(
      expect.objectContaining({ id: "s", name: "Alpha Brazil", members: [], confidence: 0 }),
    );
  });

  test("a merge, of creatives that come later, too", () => {
    const anchor = known.find(({ id }) => id === beta)?.anchor ?? "";
    const decisions: Decisions = {
      pins: new Map(["b1", "b2", "b3"].map((id) => [id, alpha])),
      anchors: new Map([[anchor, alpha]]),
    };
    const merged = known
      .filter(({ id }) => id !== beta)
      .map((one) => ({ ...one, members: creatives.map(({ id }) => id) }));
    const after = run([...creatives, facts("b4", "beta"), facts("a5", "alpha")], merged, decisions);
    expect(after.campaigns).toHaveLength(1);
    expect(after.campaigns[0]).toMatchObject({ id: alpha });
    expect(idsIn(after)).toHaveLength(9);
    // Without the anchor, new creatives follow the ones that were moved.
    const byPins = run([...creatives, facts("b4", "beta")], merged, { ...decisions, anchors: new Map() });
    expect(withMember(byPins, "b4").id).toBe(alpha);
  });

  test("a decision about a campaign that no longer exists counts for nothing", () => {
    const decisions: Decisions = {
      pins: new Map([["a1", "no-such"]]),
      anchors: new Map([["android:com.maker.beta", "x"]]),
    };
    expect(stored(run(creatives, known, decisions))).toEqual(stored(run(creatives, known)));
  });
});

describe("a campaign is called by its product, kind, place and language:", () => {
  const named = (more: Partial<CreativeFacts>[], app: string | null = "dropfrenzy") =>
    campaignName(more.map((one, at) => toItem(facts(String(at), app, one))));
  const brazil = { spend: [{ country: "BR", amount: "60" }], languages: ["pt_BR"], genre: "Puzzle" };
  const angola = { spend: [{ country: "AO", amount: "40.5" }], languages: ["pt"], genre: "Puzzle" };

  test.each([
    [[brazil], "Dropfrenzy – Puzzle – Brazil Portuguese"],
    [[brazil, { ...brazil, native: { headline: "Drop Frenzy is here" } }], "Drop Frenzy – Puzzle – Brazil Portuguese"],
    // 60 of 100.5 is under 60 %.
    [[brazil, angola], "Dropfrenzy – Puzzle – Portuguese"],
    [[brazil, { ...angola, spend: [{ country: "AO", amount: "40" }] }], "Dropfrenzy – Puzzle – Brazil Portuguese"],
    [[{ languages: ["pt"] }, { languages: ["es"] }], "Dropfrenzy"],
    [[{ languages: [] }], "Dropfrenzy"],
    [[{ languages: ["pt", "es"] }], "Dropfrenzy"],
    [[{ detectedBrands: [{ brandId: "1", brandName: "DROP!Frenzy", advertiserName: null }] }], "DROP!Frenzy – English"],
    [[{ spend: [{ country: "??", amount: "1" }] }], "Dropfrenzy – English"],
  ])("%j", (more, name) => expect(named(more)).toBe(name));

  test("without an address it is called by its advertiser, then by its headline", () => {
    expect(named([{ advertiserName: "Harbor Reels Ltd." }], null)).toBe("Harbor Reels – English");
    expect(named([{ native: { headline: "Spin \u202E<b>now</b>" } }], null)).toBe("Spin <b>now</b> – English");
    expect(named([{}], null)).toBe("Unnamed – English");
  });

  test("a name that is taken gets a number, whatever its letters' size, and stays within 80", () => {
    const taken = new Set(["alpha"]);
    expect([uniqueName("Alpha", taken), uniqueName("ALPHA", taken)]).toEqual(["Alpha (2)", "ALPHA (3)"]);
    uniqueName("x".repeat(80), taken);
    expect(uniqueName("x".repeat(80), taken)).toBe(`${"x".repeat(76)} (2)`);
  });
});

test("one advertiser is one, however it is written", () => {
  expect(["Harbor Reels Ltd", "HARBOR REELS LTD.", "Harbor  Reels", "harbor reels, Ltd."].map(advertiserKey)).toEqual(
    Array(4).fill("harbor reels"),
  );
  expect([advertiserKey(null), advertiserKey("  ")]).toEqual([null, null]);
});

describe("with a model", () => {
  const creatives = [...many("a", 3, "quietkettle"), ...many("b", 2, "dropfrenzy")];
  const { groups } = groupCreatives(creatives);
  const saying = (anchor: string, name: string | null) => new Map([[anchor, { name, confidence: 0.7 }]]);
  const anchor = "android:com.maker.quietkettle";

  test("its name takes the place of the rules' own, once; a later one, or a run without it, changes nothing", () => {
    const first = makeCampaigns(groups, { known: [], decisions: none });
    const named = makeCampaigns(groups, { known: stored(first), decisions: none }, saying(anchor, "Quiet Kettle Tea"));
    expect(withMember(named, "a1")).toMatchObject({ name: "Quiet Kettle Tea", namedBy: "model", modelConfidence: 0.7 });
    expect(withMember(named, "b1")).toMatchObject({ name: withMember(first, "b1").name, namedBy: "rules" });
    for (const names of [saying(anchor, "Another"), new Map()])
      expect(withMember(makeCampaigns(groups, { known: stored(named), decisions: none }, names), "a1")).toMatchObject({
        name: "Quiet Kettle Tea",
        namedBy: "model",
      });
  });

  test("a person's name stays, and a name that another campaign has gets a number", () => {
    const first = makeCampaigns(groups, { known: [], decisions: none });
    const person = stored(first).map((one) =>
      one.anchor === anchor ? { ...one, name: "Mine", namedBy: "person" as const } : one,
    );
    expect(
      withMember(makeCampaigns(groups, { known: person, decisions: none }, saying(anchor, "Theirs")), "a1").name,
    ).toBe("Mine");
    const standing = { known: [], decisions: none, otherNames: ["taken"] };
    expect(withMember(makeCampaigns(groups, standing, saying(anchor, "Taken")), "a1").name).toBe("Taken (2)");
  });
});

test("creatives of a person's own campaign are in no group, and an empty group is none", () => {
  const { groups } = groupCreatives([...many("a", 3, "quietkettle"), ...many("b", 1, "dropfrenzy")]);
  const left = withoutCreatives(groups, new Set(["a2", "b1"]));
  expect(left.map(({ members }) => members.map(({ item }) => item.id))).toEqual([["a1", "a3"]]);
});

test("cohesion is a mean over creatives, not over campaigns", () => {
  const members = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ id: String(at), basis: "app" as const }));
  expect(
    cohesionOf([
      { confidence: 0.9, members: members(3) },
      { confidence: 0.5, members: members(1) },
    ]),
  ).toBe(0.8);
  expect(cohesionOf([])).toBeNull();
});
