import { z } from "zod";
import { maskContacts } from "../../core/personal.ts";
import { plainLine } from "../rtb/creative-content.ts";
import type { IdentityKind } from "./components.ts";
import type { ModelName } from "./cluster.ts";
import type { Group } from "./group.ts";

const shape = z.object({
  campaigns: z
    .array(
      z.object({
        name: z.string().max(2_000),
        group_ids: z.array(z.string().max(200)).max(1_000),
        confidence: z.number().min(0).max(1).catch(0),
      }),
    )
    .max(1_000),
});

/** Longer than any answer there is room for. */
const longestAnswer = 1_000_000;

/** What counts for nothing in an answer, and how often: shown beside the result. */
export interface Refused {
  unknownIds: number;
  repeatedIds: number;
  missingIds: number;
  /** Groups that are certainly of different products. */
  merges: number;
  badNames: number;
}

export type ReadAnswer =
  | { ok: true; groups: Group[]; names: Map<string, ModelName>; refused: Refused }
  | { ok: false; problem: AnswerProblem };

/** Why an answer is not used at all: the rules' own groups stand. */
export type AnswerProblem = "not_json" | "wrong_shape" | "no_known_id" | "all_in_one";

/**
 * Reads a model's answer as data. It names groups and merges them, and no more: a creative stays in the group that the
 * rules put it in. An id that was not sent counts for nothing, one that comes twice stays by itself, and so does what
 * the answer leaves out.
 */
export function readAnswer(text: string, sent: ReadonlyMap<string, Group>): ReadAnswer {
  const parsed = parseModelJson(text);
  if (parsed === undefined) return { ok: false, problem: "not_json" };
  const checked = shape.safeParse(parsed);
  if (!checked.success) return { ok: false, problem: "wrong_shape" };
  const { campaigns } = checked.data;
  const counts = countIds(campaigns);
  const usable = campaigns.map((one) => ({
    ...one,
    ids: one.group_ids.filter((id) => sent.has(id) && counts.get(id) === 1),
  }));
  if (sent.size > 0 && ![...counts.keys()].some((id) => sent.has(id))) return { ok: false, problem: "no_known_id" };
  if (usable.some(({ ids }) => ids.length >= 5 && ids.length * 2 > sent.size))
    return { ok: false, problem: "all_in_one" };

  const refused: Refused = {
    unknownIds: [...counts.keys()].filter((id) => !sent.has(id)).length,
    repeatedIds: [...counts].filter(([id, count]) => sent.has(id) && count > 1).length,
    missingIds: [...sent.keys()].filter((id) => !counts.has(id)).length,
    merges: 0,
    badNames: 0,
  };
  const result: Group[] = [];
  const names = new Map<string, ModelName>();
  const placed = new Set<string>();
  for (const { name, ids, confidence } of usable) {
    if (ids.length === 0) continue;
    const { merged, left } = mergeGroups(ids.flatMap((id) => sent.get(id) ?? []));
    for (const id of ids) placed.add(id);
    const usableName = cleanName(name);
    if (usableName === null) refused.badNames += 1;
    refused.merges += left.length;
    names.set(merged.anchor, { name: usableName, confidence });
    result.push(merged, ...left);
  }
  for (const [id, group] of sent) if (!placed.has(id)) result.push(group);
  return { ok: true, groups: result, names, refused };
}

/** What is kept of an answer: with it the same groups are made again, and what counted for nothing is left out. */
export interface KeptAnswer {
  campaigns: { name: string; group_ids: string[]; confidence: number }[];
  refused: Refused;
}

/** What of an answer is worth keeping; null for one that is not used at all. */
export function keepAnswer(text: string, sent: ReadonlyMap<string, Group>): KeptAnswer | { problem: AnswerProblem } {
  const read = readAnswer(text, sent);
  if (!read.ok) return { problem: read.problem };
  const { campaigns } = shape.parse(parseModelJson(text));
  const counts = countIds(campaigns);
  const kept = campaigns.map(({ name, group_ids, confidence }) => ({
    name: cleanName(name) ?? "",
    group_ids: group_ids.filter((id) => sent.has(id) && counts.get(id) === 1),
    confidence,
  }));
  return { campaigns: kept.filter(({ group_ids }) => group_ids.length > 0), refused: read.refused };
}

function countIds(campaigns: readonly { group_ids: readonly string[] }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { group_ids } of campaigns) for (const id of group_ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** JSON as models write it; undefined for anything else. */
export function parseModelJson(text: string): unknown {
  if (text.length > longestAnswer) return undefined;
  // Some put JSON into a fence though they are asked for JSON alone.
  const bare = text
    .trim()
    .replace(/^```(?:json)?\s*/, "")
    .replace(/\s*```$/, "");
  try {
    return JSON.parse(bare) as unknown;
  } catch {
    return undefined;
  }
}

/** Three to eighty characters on one line; null for anything else. */
function cleanName(name: string): string | null {
  const plain = maskContacts(plainLine(name));
  const length = [...plain].length;
  return length < 3 || length > 80 || !/\p{L}/u.test(plain) ? null : plain;
}

const apart: readonly IdentityKind[] = ["android", "ios", "brand"];

/** Two apps of one store, or two brands, are two products, whoever says otherwise: such a group stays by itself. */
function mergeGroups(groups: readonly Group[]): { merged: Group; left: Group[] } {
  // The greatest one says what the others may be.
  const [first, ...others] = [...groups].sort(
    (one, other) => other.members.length - one.members.length || (one.anchor < other.anchor ? -1 : 1),
  );
  if (first === undefined) throw new RangeError("no groups to merge");
  let merged = first;
  const left: Group[] = [];
  for (const group of others) {
    const differs = apart.some((kind) => {
      const [one, other] = [merged.identities[kind], group.identities[kind]];
      return one !== undefined && other !== undefined && one !== other;
    });
    if (differs) left.push(group);
    else
      merged = {
        anchor: merged.anchor,
        identities: { ...group.identities, ...merged.identities },
        members: [...merged.members, ...group.members],
      };
  }
  return { merged, left };
}
