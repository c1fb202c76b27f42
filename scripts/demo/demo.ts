import { addDays, dayAt, daysFromTo } from "../../core/days.ts";
import { accountOrigin } from "../shared/account-origin.ts";
import type { CommandContext } from "../shared/command-line.ts";
import { findStack, type DemoStack } from "./stack.ts";

/** The zone of the vendors' days. */
export const zone = "America/New_York";

export type DemoContext = Pick<CommandContext, "env" | "config" | "database" | "temporal">;

/** What every area of the demo works with. */
export interface Demo {
  context: DemoContext;
  client: string;
  stack: DemoStack;
  /** AnyTrack's webhook has a secret that this machine made: nothing else posts there. */
  hasOwnHook: boolean;
  /** The day under way, and all days of the demo up to it. */
  today: string;
  days: readonly string[];
  now: Date;
}

export type Show = (text: string) => void;

/** One part of the system, and what the demo puts there. */
export interface Area {
  name: string;
  /** Accounts that it needs, by vendor: where one of them is not the sandbox's, the area is left out. */
  vendors: readonly string[];
  /** It has no account of its own: where any account of the client is real, it is left out. */
  joinsNoReal?: boolean;
  /** It comes by AnyTrack's webhook, which must be the stack's own. */
  needsHook?: boolean;
  /** How many rows there are; what is counted is of the client ($1) and the days from $2 to $3. */
  counted: string;
  /** What was left out, in words, or nothing. */
  fill: (demo: Demo, show: Show) => Promise<string | void>;
}

export async function openDemo(
  context: DemoContext,
  of: { client: string; days: number; now: Date; hasOwnHook: boolean },
): Promise<Demo> {
  const { client, now, hasOwnHook } = of;
  const today = dayAt(now, zone);
  const stack = await findStack(context, client);
  return { context, client, stack, hasOwnHook, today, days: daysFromTo(addDays(today, 1 - of.days), today), now };
}

/** Which of these vendors does not answer from the sandbox, and what answers instead. */
export function notOfSandbox({ context: { config }, client }: Demo, vendors: readonly string[]): string[] {
  return vendors.flatMap((vendor) => {
    const account = config.accounts.get(`${vendor}/${client}`);
    const origin = account === undefined ? "off (no key)" : accountOrigin(account);
    return origin === "sandbox" ? [] : [`${vendor} is ${origin}`];
  });
}

/** The day so many days before today; one that is not among the demo's days is left alone. */
export function dayBefore({ today, days }: Demo, ago: number): string | null {
  const day = addDays(today, -ago);
  return days.includes(day) ? day : null;
}
