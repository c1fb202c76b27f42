import { countryNamed } from "./country-name.ts";
import type { GeographicPattern } from "./geographic-patterns.ts";

const times = (number: number) => number.toFixed(number < 10 ? 1 : 0);

/** The pattern in a sentence, and what to do about it. */
export function describePattern(of: GeographicPattern): { words: string; recommendation: string } {
  const [dear, cheap] = [countryNamed(of.dear), countryNamed(of.cheap)];
  const others = of.otherGenres.length === 1 ? (of.otherGenres[0] ?? "") : `${of.otherGenres.length} other genres`;
  return {
    words: `${of.genre}: clicks cost ${times(of.ratio)} times as much in ${dear} as in ${cheap}; of ${others} ${times(of.othersRatio)} times. That is ${times(of.factor)} times what would be expected (${times(of.low)} to ${times(of.high)}), in ${of.campaigns.length} campaigns each on its own.`,
    recommendation: `Move this spend from ${dear} to ${cheap}, or bid less in ${dear}.`,
  };
}
