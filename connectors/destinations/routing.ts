import { z } from "zod";
import { conversionTypes } from "../../rules/conversions/anytrack-tracking.ts";

/** The feeds that bring conversions, by the names that settings use. */
const feeds = { anytrack: "anytrack.conversions", everflow: "everflow.conversions" } as const;

/** A list with commas between; kept as text, in its plainest spelling. */
function listOf(known: readonly string[], standard: string, plain: (word: string) => string) {
  return z
    .string()
    .default(standard)
    .transform((text, context) => {
      const words = [
        ...new Set(
          text
            .split(",")
            .map((word) => plain(word.trim()))
            .filter((word) => word !== ""),
        ),
      ];
      const unknown = words.filter((word) => !known.includes(word));
      if (unknown.length > 0 || words.length === 0)
        context.addIssue(`must be one or more of ${known.join(", ")}, with commas between`);
      return words.join(",");
    });
}

/** Whose conversions go to a destination: AnyTrack's; Everflow's are asked for. */
export const feedsSetting = listOf(Object.keys(feeds), "anytrack", (word) => word.toLowerCase());
/** Which of them. A name that we do not know counts as CUSTOM. */
export const typesSetting = listOf(conversionTypes, conversionTypes.join(","), (word) => word.toUpperCase());

/** What the settings `<VENDOR>_FEEDS` and `<VENDOR>_TYPES` of an account say. */
export function routingOf(set: { feeds: string; types: string }): { feeds: string[]; types: string[] } {
  const words = (text: string) => text.split(",");
  return {
    feeds: words(set.feeds).flatMap((name) => (name in feeds ? [feeds[name as keyof typeof feeds]] : [])),
    types: words(set.types),
  };
}
