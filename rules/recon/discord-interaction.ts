import { verify, type KeyObject } from "node:crypto";
import { z } from "zod";

/** A signature is worth something for this long; a recorded request is not good for ever. */
export const signatureMinutes = 5;

export const interactionTypes = { ping: 1, command: 2, autocomplete: 4 } as const;
export const answerTypes = { pong: 1, message: 4, deferred: 5, choices: 8 } as const;
/** Only the person who asked sees the answer. */
export const onlyForThem = 64;

/** Ed25519 over the timestamp and the bytes as they came: what was parsed and written again is another text. */
export function isSigned(of: {
  publicKey: KeyObject;
  signature: string | undefined;
  timestamp: string | undefined;
  body: Uint8Array;
  now: Date;
}): boolean {
  const { publicKey, signature, timestamp, body, now } = of;
  if (signature === undefined || !/^[0-9a-f]{128}$/i.test(signature)) return false;
  if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  const age = now.getTime() / 1_000 - Number(timestamp);
  if (Math.abs(age) > signatureMinutes * 60) return false;
  return verify(null, Buffer.concat([Buffer.from(timestamp), body]), publicKey, Buffer.from(signature, "hex"));
}

const snowflake = z.string().regex(/^\d{1,20}$/);
const user = z.object({ id: snowflake });
const option = z.object({
  name: z.string().max(32),
  value: z.union([z.string().max(6_000), z.number(), z.boolean()]).optional(),
  focused: z.boolean().optional(),
});

/** What we read of an interaction: names and avatars of people are not read at all. */
const shape = z.object({
  id: snowflake,
  application_id: snowflake,
  type: z.int(),
  token: z.string().min(1).max(1_000).optional(),
  member: z.object({ user }).optional(),
  user: user.optional(),
  data: z.object({ name: z.string().max(32), options: z.array(option).max(25).default([]) }).optional(),
});

export interface Interaction {
  id: string;
  applicationId: string;
  type: number;
  token: string | null;
  /** Null where no person sent it, as in a ping. */
  userId: string | null;
  command: string | null;
  options: Map<string, string | number | boolean>;
  /** The option being typed, of an autocompletion. */
  focused: string | null;
}

/** Null when it is no interaction. */
export function readInteraction(body: Uint8Array): Interaction | null {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return null;
  }
  const parsed = shape.safeParse(json);
  if (!parsed.success) return null;
  const { id, application_id, type, token, member, user: direct, data } = parsed.data;
  return {
    id,
    applicationId: application_id,
    type,
    token: token ?? null,
    // In a server there is `member.user`, in a direct message `user`.
    userId: member?.user.id ?? direct?.id ?? null,
    command: data?.name ?? null,
    options: new Map((data?.options ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]))),
    focused: data?.options.find((one) => one.focused === true)?.name ?? null,
  };
}

export const submitCommandName = "submit";

/** The slash command, as it is registered. */
export const submitCommand = (platformNames: readonly string[]) => ({
  name: submitCommandName,
  type: 1,
  description: "Report what a post of yours brought",
  options: [
    { name: "campaign", type: 3, required: true, autocomplete: true, description: "The campaign it was for" },
    { name: "url", type: 3, required: true, description: "The post's address" },
    { name: "views", type: 4, required: false, min_value: 0, description: "How often it was seen" },
    { name: "clicks", type: 4, required: false, min_value: 0, description: "How often it was clicked" },
    { name: "conversions", type: 4, required: false, min_value: 0, description: "How many bought or signed up" },
    {
      name: "platform",
      type: 3,
      required: false,
      description: "Only where the address does not say it",
      choices: platformNames.map((name) => ({ name, value: name })),
    },
  ],
});
