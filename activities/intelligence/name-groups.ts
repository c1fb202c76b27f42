import { settledGroups } from "../../rules/intelligence/fold-decisions.ts";
import type { Decisions } from "../../rules/intelligence/keep-campaigns.ts";
import type { ModelName } from "../../rules/intelligence/cluster.ts";
import type { Group } from "../../rules/intelligence/group.ts";
import { readAnswer, type KeptAnswer, type Refused } from "../../rules/intelligence/model-answer.ts";
import { batches, buildPrompt, halves, type Prompt } from "../../rules/intelligence/model-prompt.ts";

/** What came of one prompt. */
export type Answer =
  | { state: "answered"; answer: KeptAnswer }
  | { state: "truncated" | "refused" | "unusable" | "missing"; problem: string | null };

/** How often a batch is halved: a model that cuts off everything would be asked once for every group. */
const mostHalvings = 2;

export interface Naming {
  /** The client's own, sent as data. */
  notes: string | null;
  decisions: Decisions;
  answerOf: (prompt: Prompt) => Promise<Answer>;
}

export interface Named {
  groups: Group[];
  names: Map<string, ModelName>;
  /** What of the answers was not used. */
  refused: Refused;
  /** Groups that were asked about, and those of them that an answer covers. */
  asked: number;
  answered: number;
  /** Why the others stay as the rules made them. */
  problems: string[];
}

/**
 * Puts groups to a model, some at a time, and makes of its answers what they are worth. A batch without one stays as the
 * rules made it. `answerOf` asks, or finds what was answered before.
 */
export async function nameGroups(groups: readonly Group[], { notes, decisions, answerOf }: Naming): Promise<Named> {
  // What a person has put apart, a model must not put together.
  const { settled, open } = settledGroups(groups, decisions);
  const refused: Refused = { unknownIds: 0, repeatedIds: 0, missingIds: 0, merges: 0, badNames: 0 };
  const named: Named = { groups: settled, names: new Map(), refused, asked: open.length, answered: 0, problems: [] };
  const ask = async (batch: readonly Group[], halvings: number): Promise<void> => {
    const prompt = buildPrompt(batch, notes);
    const found = await answerOf(prompt);
    if (found.state === "answered") {
      const read = readAnswer(JSON.stringify({ campaigns: found.answer.campaigns }), prompt.groups);
      if (read.ok) {
        named.groups.push(...read.groups);
        named.answered += batch.length;
        for (const [anchor, name] of read.names) named.names.set(anchor, name);
        for (const kind of Object.keys(refused) as (keyof Refused)[]) refused[kind] += found.answer.refused[kind];
        return;
      }
    }
    const parts = found.state === "truncated" && halvings < mostHalvings ? halves(batch) : [];
    if (parts.length === 0) {
      named.groups.push(...batch);
      named.problems.push(found.state === "answered" ? "unusable" : (found.problem ?? found.state));
    }
    for (const part of parts) await ask(part, halvings + 1);
  };
  for (const batch of batches(open)) await ask(batch, 0);
  return named;
}

/** Why groups are the rules' own though a model was to name them; null where it named all. */
export function whyPartly({ asked, answered, problems }: Named): string | null {
  if (problems.length === 0) return null;
  const all = [...new Set(problems)].join("; ");
  return answered === 0 ? all : `${asked - answered} of ${asked} groups: ${all}`;
}
