import { expect, test } from "@jest/globals";
import { groupCreatives } from "./cluster.ts";
import { factsOfStored } from "./catalogue-facts.ts";
import { foldDecisions, settledGroups, type Decision } from "./fold-decisions.ts";

const decided = (kind: Decision["kind"], campaignId: string, more: Partial<Decision> = {}): Decision => ({
  kind,
  campaignId,
  fromCampaignId: null,
  anchors: [],
  creatives: [],
  ...more,
});

test("a creative stays where it was put last", () => {
  const { pins } = foldDecisions([
    decided("moved", "1", { creatives: ["a", "b"] }),
    decided("split", "2", { creatives: ["b"] }),
    decided("renamed", "9"),
  ]);
  expect([...pins]).toEqual([
    ["a", "1"],
    ["b", "2"],
  ]);
});

test("a campaign whose creatives were all named takes nothing by what was decided before, and something by what is later", () => {
  const { pins, anchors } = foldDecisions([
    decided("moved", "1", { creatives: ["a", "b"] }),
    decided("merged", "2", { fromCampaignId: "1", anchors: ["brand:7"], creatives: ["c"] }),
    decided("replaced", "2"),
    decided("moved", "2", { creatives: ["b"] }),
    decided("moved", "3", { creatives: ["d"] }),
  ]);
  expect(Object.fromEntries(pins)).toEqual({ b: "2", d: "3" });
  expect(anchors.size).toBe(0);
});

test("what a merged campaign was about leads to the other, also when that is merged in turn", () => {
  const { pins, anchors } = foldDecisions([
    decided("moved", "1", { creatives: ["a"] }),
    decided("merged", "2", { fromCampaignId: "1", anchors: ["brand:7"], creatives: ["b"] }),
    decided("merged", "3", { fromCampaignId: "2", anchors: ["domain:x.example"], creatives: ["c"] }),
  ]);
  expect(Object.fromEntries(pins)).toEqual({ a: "3", b: "3", c: "3" });
  expect(Object.fromEntries(anchors)).toEqual({ "brand:7": "3", "domain:x.example": "3" });
});

test("a group that a person has put somewhere, at least half of it, is settled", () => {
  const creative = (id: string, app: string) =>
    factsOfStored(
      {
        id,
        format: "HTML",
        declaredClickUrls: [`https://play.google.com/store/apps/details?id=com.maker.${app}`],
        destinationUrlsParsed: null,
        htmlSnippet: null,
        vastXml: null,
        creativeAttributes: null,
        advertiserName: null,
        languages: [],
      },
      [],
    );
  const { groups } = groupCreatives([
    ...["a1", "a2", "a3"].map((id) => creative(id, "kettle")),
    ...["b1", "b2"].map((id) => creative(id, "frenzy")),
  ]);
  const { settled, open } = settledGroups(groups, {
    pins: new Map([
      ["a1", "5"],
      ["b1", "7"],
    ]),
  });
  expect([settled, open].map((some) => some.map(({ members }) => members.length))).toEqual([[2], [3]]);
});
