import { z } from "zod";
import { nameOf, remarkOf } from "../../core/person-text.ts";
import { cents } from "../../core/money.ts";
import { wholeNumber } from "../../core/whole-number.ts";
import { mostCounted } from "../../queries/shared/count-up-to.ts";

/** What answers of every area are made of. */
export const instant = z.string().describe("an instant in UTC, ISO 8601");
/** Rounded here, too, so that no answer can have more places than it says. */
export const money = z
  .string()
  .overwrite((amount) => (/^-?\d+\.\d\d$/.test(amount) ? amount : cents(amount)))
  .describe("a decimal, rounded to the cent")
  .meta({ pattern: "^-?\\d+\\.\\d{2}$" });
export const number = wholeNumber();
export const text = z.string().nullable();

/** Of totals above a list: a part of what is counted, null where there is too much to count, and whether there is. */
export const part = z.number().nullable();
export const isMore = z
  .boolean()
  .describe(`there are more than the ${mostCounted.toLocaleString("en-US")} that were counted`);

/** What a person says of an act of theirs. */
export const notes = remarkOf({ most: 2_000 });
/** What a person calls something, where nothing says how long that may be. */
export const nameText = nameOf({ most: 200 });

/** A yes or no in a query; undefined when it is left out. */
export const flag = z.enum(["true", "false"]).optional();
export const isTrue = (given: z.infer<typeof flag>) => (given === undefined ? undefined : given === "true");

export function iso(moment: Date | null): string | null {
  return moment === null ? null : moment.toISOString();
}

/** `sandbox`: mock servers made it up; `unknown`: stored before origins were recorded. */
export const storedOrigin = z
  .enum(["real", "sandbox", "unknown"])
  .describe("who sent it: sandbox is made up by mock servers; unknown is of before this was recorded");
