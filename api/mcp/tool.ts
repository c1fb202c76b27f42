import type { z } from "zod";
import { addDays } from "../../core/days.ts";
import { problemsOf } from "../../core/typed.ts";
import type { Role } from "../../core/tokens.ts";
import { ApiError } from "../server/errors.ts";
import { day } from "../server/lists.ts";

/** What a tool works with: it reads through the JSON routes, as whoever asked, and knows no other way. */
export interface Asking {
  get: <Body>(path: string, query?: Query) => Promise<Body>;
  /** By the client's calendar. */
  today: string;
  /** The client's, of ad performance. */
  currency: string;
}
export type Query = Record<string, string | number | boolean | undefined>;

interface Said {
  name: string;
  title: string;
  description: string;
  /** Who is shown it. The routes that it reads decide: they refuse whoever calls it all the same. */
  roles: readonly Role[];
  affiliates?: boolean;
  /** Which fields hold what outsiders typed: `items[].campaignName`. */
  outside: readonly string[];
}

interface Told<Data> {
  /** The answer in a sentence or a few, with its figures; nothing in it comes from outside. */
  summary: string;
  data: Data;
}

export interface Tool extends Said {
  input: z.ZodObject;
  output: z.ZodObject;
  /** Checks what was given; what it returns reads the answer. */
  prepare: (given: unknown) => (asking: Asking) => Promise<Told<Record<string, unknown>>>;
}

type Definition<Input extends z.ZodObject, Output extends z.ZodObject> = Said & {
  input: Input;
  output: Output;
  answer: (asking: Asking, input: z.output<Input>) => Promise<Told<z.input<Output>>>;
};

export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: Definition<Input, Output>,
): Tool {
  const { input, output, answer, ...said } = definition;
  return {
    ...said,
    input,
    output,
    prepare: (given) => {
      const parsed = input.safeParse(given ?? {});
      if (!parsed.success) throw new ApiError("validation_error", problemsOf(input, parsed.error).join("; "));
      return async (asking) => {
        const { summary, data } = await answer(asking, parsed.data);
        return { summary, data: output.parse(data) };
      };
    },
  };
}

/** Every day comes with its receipt: more of them would not fit into what an assistant reads. */
const mostDays = 100;

export const range = {
  from: day.optional().describe("the first day, YYYY-MM-DD; `to` when left out, and yesterday without either"),
  to: day.optional().describe(`the last day; \`from\` when left out; at most ${mostDays} days in all`),
};

/** Yesterday is what a morning asks for. */
export function rangeOf({ from, to }: { from?: string | undefined; to?: string | undefined }, today: string) {
  const first = from ?? to ?? addDays(today, -1);
  const last = to ?? first;
  if (first > last) throw new ApiError("validation_error", "from: must not be after `to`");
  if (addDays(first, mostDays) <= last)
    throw new ApiError("validation_error", `from: must be less than ${mostDays} days before \`to\``);
  return { from: first, to: last };
}

/** `2026-11-28`, or `2026-11-01 to 2026-11-28`. */
export const rangeName = ({ from, to }: { from: string; to: string }) => (from === to ? from : `${from} to ${to}`);
