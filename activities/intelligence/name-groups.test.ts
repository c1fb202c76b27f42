import { expect, test } from "@jest/globals";
import { factsOfStored } from "../../rules/intelligence/catalogue-facts.ts";
import { groupCreatives } from "../../rules/intelligence/cluster.ts";
import type { Group } from "../../rules/intelligence/group.ts";
import type { Prompt } from "../../rules/intelligence/model-prompt.ts";
import { nameGroups, whyPartly, type Answer } from "./name-groups.ts";

const none = { pins: new Map<string, string>(), anchors: new Map<string, string>() };
const groupsOf = (count: number): Group[] =>
  groupCreatives(
    Array.from({ length: count }, (_, at) =>
      factsOfStored(
        {
          id: `c${at}`,
          format: "HTML",
          declaredClickUrls: [`https://play.google.com/store/apps/details?id=com.maker${at}.game${at}`],
          destinationUrlsParsed: null,
          htmlSnippet: null,
          vastXml: null,
          creativeAttributes: null,
          advertiserName: null,
          languages: [],
        },
        [],
      ),
    ),
  ).groups;
const idsOf = (groups: readonly Group[]) => groups.flatMap(({ members }) => members.map(({ item }) => item.id)).sort();

/** Names every group of a prompt. */
const named = ({ groups }: Prompt): Answer => ({
  state: "answered",
  answer: {
    campaigns: [...groups.keys()].map((id) => ({ name: `Named ${id}`, group_ids: [id], confidence: 0.5 })),
    refused: { unknownIds: 1, repeatedIds: 0, missingIds: 0, merges: 0, badNames: 0 },
  },
});
const asking = async (groups: Group[], answer: (prompt: Prompt, call: number) => Answer, decisions = none) => {
  const sizes: number[] = [];
  const found = await nameGroups(groups, {
    notes: null,
    decisions,
    answerOf: (prompt) => {
      sizes.push(prompt.groups.size);
      return Promise.resolve(answer(prompt, sizes.length));
    },
  });
  return { found, sizes };
};

test("many groups are asked about a hundred at a time, and what counts for nothing is summed", async () => {
  const groups = groupsOf(250);
  const { found, sizes } = await asking(groups, named);
  expect(sizes).toEqual([100, 100, 50]);
  expect(found).toMatchObject({ asked: 250, answered: 250, refused: { unknownIds: 3 } });
  expect(whyPartly(found)).toBeNull();
  expect([found.names.size, idsOf(found.groups)]).toEqual([250, idsOf(groups)]);
});

test("a batch without an answer stays as the rules made it, and it is said how many groups that are", async () => {
  const groups = groupsOf(250);
  const { found } = await asking(groups, (prompt, call) =>
    call === 2 ? { state: "refused", problem: "refused: safety" } : named(prompt),
  );
  expect(whyPartly(found)).toBe("100 of 250 groups: refused: safety");
  expect([found.names.size, idsOf(found.groups)]).toEqual([150, idsOf(groups)]);
});

test("an answer that is cut off is asked for in halves, twice at most", async () => {
  const groups = groupsOf(40);
  const cut: Answer = { state: "truncated", problem: "truncated" };
  const once = await asking(groups, (prompt) => (prompt.groups.size > 20 ? cut : named(prompt)));
  expect([once.sizes, once.found.answered]).toEqual([[40, 20, 20], 40]);
  const always = await asking(groups, () => cut);
  expect(always.sizes).toEqual([40, 20, 10, 10, 20, 10, 10]);
  expect(whyPartly(always.found)).toBe("truncated");
  expect([always.found.answered, idsOf(always.found.groups)]).toEqual([0, idsOf(groups)]);
});

test("a group that a person has placed is not asked about, and stays", async () => {
  const groups = groupsOf(5);
  const { found, sizes } = await asking(groups, named, { ...none, pins: new Map([["c3", "17"]]) });
  expect([sizes, found.asked, idsOf(found.groups)]).toEqual([[4], 4, idsOf(groups)]);
  const all = await asking(groups, named, { ...none, pins: new Map(idsOf(groups).map((id) => [id, "17"])) });
  expect([all.sizes, all.found.asked, whyPartly(all.found)]).toEqual([[], 0, null]);
});
