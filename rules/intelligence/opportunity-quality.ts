import { adviceThresholds } from "../rtb/funnel.ts";

/** Counts of the quality report; null where it does not say. */
export interface Quality {
  impressions: number | null;
  invalid: number | null;
  measurable: number | null;
  viewable: number | null;
}

/** Fewer impressions say nothing. */
const leastImpressions = 1_000;
const { mostInvalid, leastViewability } = adviceThresholds;

/** Why a cheap click is not recommended: nobody may have seen the ad. Null when nothing speaks against it, or nothing is known. */
export function blockedBy(quality: Quality | undefined): string | null {
  if (quality === undefined) return null;
  const { impressions, invalid, measurable, viewable } = quality;
  if (impressions !== null && invalid !== null && impressions >= leastImpressions) {
    const share = invalid / impressions;
    if (share > mostInvalid)
      return `${percent(share)} of its impressions are invalid traffic, more than ${percent(mostInvalid)}`;
  }
  if (measurable !== null && viewable !== null && measurable >= leastImpressions) {
    const share = viewable / measurable;
    if (share < leastViewability)
      return `only ${percent(share)} of its measurable impressions are viewable, less than ${percent(leastViewability)}`;
  }
  return null;
}

const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;
