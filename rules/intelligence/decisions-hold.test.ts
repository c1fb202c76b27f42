import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { groupCreatives, makeCampaigns } from "./cluster.ts";
import { factsOfStored } from "./catalogue-facts.ts";
import { foldDecisions, type Decision } from "./fold-decisions.ts";
import type { KnownCampaign } from "./keep-campaigns.ts";

const apps = ["alpha", "bravo", "charlie", "delta"];
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
const most = 20;
const all = Array.from({ length: most }, (_, at) => creative(`c${at}`, apps[at % apps.length] ?? ""));
/** Of the first so many creatives. */
const groupsOf = all.map((_, at) => groupCreatives(all.slice(0, at + 1)).groups);

/** What is stored, and what people do to it, as the routes do. */
class World {
  known: KnownCampaign[] = [];
  readonly decisions: Decision[] = [];
  private numbers = 0;
  private creatives = 10;

  add(): void {
    this.creatives = Math.min(this.creatives + 1, most);
  }

  run(): void {
    const groups = groupsOf[this.creatives - 1] ?? [];
    const { campaigns } = makeCampaigns(groups, { known: this.known, decisions: foldDecisions(this.decisions) });
    this.known = campaigns.map(({ id, anchor, name, namedBy, members }) => ({
      id: id ?? this.next(),
      anchor,
      name,
      namedBy,
      members: members.map((member) => member.id),
    }));
  }

  places(): Record<string, string[]> {
    const places: Record<string, string[]> = {};
    for (const { id, members } of this.known) for (const member of members) (places[member] ??= []).push(id);
    return places;
  }

  act(kind: "rename" | "merge" | "split" | "move", [first, second, some]: [number, number, number]): void {
    const source = this.known[first % this.known.length];
    const target = this.known[second % this.known.length];
    if (source === undefined || target === undefined) return;
    const part = source.members.filter((_, at) => (some >> (at % 16)) % 2 === 1);
    if (kind === "rename") {
      this.replace(source, { name: `Name ${this.next()}`, namedBy: "person" });
      this.decide({ kind: "renamed", campaignId: source.id });
    } else if (kind === "split" && part.length > 0 && part.length < source.members.length) {
      const id = this.next();
      this.replace(source, { members: source.members.filter((member) => !part.includes(member)) });
      this.known = [
        ...this.known,
        { id, anchor: `person:${id}`, name: `Part ${id}`, namedBy: "person", members: part },
      ];
      this.decide({ kind: "split", campaignId: id, fromCampaignId: source.id, creatives: part });
    } else if (kind === "move" && source !== target && part.length > 0) {
      this.replace(source, { members: source.members.filter((member) => !part.includes(member)) });
      this.replace(target, { members: [...target.members, ...part] });
      this.decide({ kind: "moved", campaignId: target.id, fromCampaignId: source.id, creatives: part });
    } else if (kind === "merge" && source !== target) {
      this.replace(target, { members: [...target.members, ...source.members] });
      this.known = this.known.filter(({ id }) => id !== source.id);
      this.decide({
        kind: "merged",
        campaignId: target.id,
        fromCampaignId: source.id,
        anchors: [source.anchor],
        creatives: source.members,
      });
    }
  }

  private replace({ id }: KnownCampaign, more: Partial<KnownCampaign>): void {
    this.known = this.known.map((one) => (one.id === id ? { ...one, ...more } : one));
  }

  private decide(decision: Partial<Decision> & Pick<Decision, "kind" | "campaignId">): void {
    this.decisions.push({ fromCampaignId: null, anchors: [], creatives: [], ...decision });
  }

  private next(): string {
    this.numbers += 1;
    return String(this.numbers);
  }
}

/** A campaign that stands for a later creative of a group whose first campaign people have filled with others, and emptied of those. */
const leftWithoutItsGroup: ["rename" | "merge" | "split" | "move" | "add", [number, number, number], boolean][] = [
  ["split", [0, 0, 6953], false],
  ["add", [0, 0, 0], false],
  ["merge", [14697, 56653, 0], true],
  ["move", [11546, 0, 22700], false],
  ["add", [0, 0, 0], true],
  ["move", [28687, 0, 44241], true],
];

test("whatever people decide, and in whatever order, a run moves none, also when creatives have come", () => {
  const number = fc.nat(0xffff);
  const acts = fc.array(
    fc.tuple(
      fc.constantFrom("rename" as const, "merge" as const, "split" as const, "move" as const, "add" as const),
      fc.tuple(number, number, number),
      fc.boolean(),
    ),
    { maxLength: 16 },
  );
  fc.assert(
    fc.property(acts, (steps) => {
      const world = new World();
      world.run();
      for (const [kind, numbers, runs] of steps) {
        if (kind === "add") world.add();
        else world.act(kind, numbers);
        if (!runs) continue;
        const before = world.places();
        world.run();
        const after = world.places();
        expect(after).toMatchObject(before);
        expect(Object.values(after).filter((homes) => homes.length !== 1)).toEqual([]);
      }
    }),
    { numRuns: 400, examples: [[leftWithoutItsGroup]] },
  );
});
