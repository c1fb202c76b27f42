import { z } from "zod";
import { isJsonObject, type JsonValue } from "../vendor.ts";
import { questionText } from "./question-answers.ts";

/** How a mock model answers, until it is set otherwise. Models do all of this. */
export const behaviours = [
  "plain",
  "refuse",
  "truncate",
  "malformed",
  "invent_ids",
  "repeat_ids",
  "forget_ids",
  "obey_texts",
  "spend_limit",
] as const;
export type Behaviour = (typeof behaviours)[number];

const order = z.strictObject({ behaviour: z.enum(behaviours), client: z.string().optional() });

export interface Behaviours {
  of(client: string): Behaviour;
  set(body: unknown): { behaviour: Behaviour };
}

/** Set for one client, or for all of them. */
export function createBehaviours(): Behaviours {
  const byClient = new Map<string, Behaviour>();
  let forAll: Behaviour = "plain";
  return {
    of: (client) => byClient.get(client) ?? forAll,
    set: (body) => {
      const { behaviour, client } = order.parse(body);
      if (client === undefined) {
        forAll = behaviour;
        byClient.clear();
      } else byClient.set(client, behaviour);
      return { behaviour };
    },
  };
}

interface Sent {
  id: string;
  name: string;
}

/** The text a model would answer: to a sentence a question, to groups of creatives campaigns. */
export function modelText(data: string, behaviour: Behaviour): string {
  const asked = parsedData(data);
  const sentence = isJsonObject(asked) ? asked["sentence"] : undefined;
  const text =
    typeof sentence === "string"
      ? questionText(sentence, { obeys: behaviour === "obey_texts" })
      : campaignsText(groupsIn(asked), behaviour);
  if (behaviour === "malformed") return `Here is what was asked for:\n${text}`;
  return behaviour === "truncate" ? text.slice(0, Math.ceil(text.length * 0.6)) : text;
}

/** Groups whose suggested names begin alike are one campaign. */
function campaignsText(sent: readonly Sent[], behaviour: Behaviour): string {
  const campaigns = new Map<string, Sent[]>();
  for (const group of sent) {
    const key = behaviour === "obey_texts" ? "all" : (group.name.split(" – ")[0] ?? "").toLowerCase();
    campaigns.set(key, [...(campaigns.get(key) ?? []), group]);
  }
  const answer = [...campaigns.values()].map((groups, at) => ({
    name: groups[0]?.name ?? "Campaign",
    group_ids: groups.map(({ id }) => id),
    confidence: 0.6 + (at % 4) / 10,
  }));
  const [first, second] = answer;
  if (behaviour === "invent_ids") first?.group_ids.push("g900", "creative-1");
  if (behaviour === "repeat_ids") second?.group_ids.push(...(first?.group_ids ?? []));
  if (behaviour === "forget_ids") answer.splice(0, Math.ceil(answer.length / 2));
  return JSON.stringify({ campaigns: answer });
}

function parsedData(data: string): JsonValue {
  try {
    return JSON.parse(data) as JsonValue;
  } catch {
    return null;
  }
}

function groupsIn(parsed: JsonValue): Sent[] {
  const groups = isJsonObject(parsed) ? parsed["groups"] : undefined;
  if (!Array.isArray(groups)) return [];
  return groups.flatMap((group) => {
    if (!isJsonObject(group)) return [];
    const { id, suggested_name: name } = group;
    return typeof id === "string" ? [{ id, name: typeof name === "string" ? name : id }] : [];
  });
}

/** About what a vendor would count. */
export const tokensOf = (text: string) => Math.ceil(text.length / 4);
