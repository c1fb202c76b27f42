import type { Found } from "./find-opportunities.ts";
import { floors, windowDays } from "./opportunity-cells.ts";
import { priorClicks } from "../shared/statistics.ts";

/** How people call what an opportunity is about. */
export interface Named {
  /** The country in English, the size, the creative's id; null for a campaign itself. */
  subject: string | null;
  currency: string;
}

export interface Words {
  /** Both sides of the campaign's name, which may be another one when the recommendation is read. */
  recommendation: readonly [before: string, after: string];
  /** How the savings come about: stored with them. */
  basis: string;
}

/** What to do, and how its worth was computed. */
export function describeOpportunity({ type, savings, evidence }: Found, named: Named): Words {
  const money = (amount: string) => `${amount} ${named.currency}`;
  const price = (amount: number) => `${amount.toFixed(2)} ${named.currency}`;
  const less = `${Math.round((1 - evidence.ratio) * 100)} %`;
  const raise = `from ${money(savings.current)} to ${money(savings.target)} a week`;
  const compared = `${price(evidence.current)} a click against ${price(evidence.reference)}`;
  const difference = `(${savings.target} − ${savings.current}) × (1 − ${evidence.ratio.toFixed(4)})`;
  switch (type) {
    case "undervalued_geo":
      return {
        recommendation: [
          `Raise ${named.subject ?? ""} in `,
          ` ${raise}: its clicks cost ${less} less (${compared} in the rest of the campaign).`,
        ],
        basis: `${difference}; target: five times what is spent now, at most 20 % of the campaign's week`,
      };
    case "neglected_creative":
      return {
        recommendation: [
          `Show creative ${named.subject ?? ""} of `,
          ` more, ${raise}: its clicks cost ${less} less (${compared} in the rest of the campaign). Check its pretargeting and bid.`,
        ],
        basis: `${difference}; target: the median creative of the campaign`,
      };
    case "high_cpc_low_spend":
      return {
        recommendation: [`Raise `, ` ${raise}: its clicks cost ${less} less (${compared} in all other campaigns).`],
        basis: `${difference}; target: the median campaign, at most ten times what is spent now`,
      };
    case "size_gap":
      return {
        recommendation: [
          `Make a creative of ${named.subject ?? ""} for `,
          `: in ${evidence.peers?.length ?? 0} similar campaigns clicks of this size cost ${less} less than their others (${price(evidence.current)} estimated against ${price(evidence.reference)}).`,
        ],
        basis: `${savings.target} × (1 − ${evidence.ratio.toFixed(4)}); ${savings.target} is the campaign's week at the median share that similar campaigns spend on this size`,
      };
  }
}

/** What is true of all of them, and stands beside each. */
export const caution =
  "Clicks are cheaper at today's volume; a price usually rises with scale. It is a test to make, not a forecast: raise a budget by about 20 % at a time.";

/** How sure one has to be, in a sentence. */
export const method = `Computed from ${windowDays} complete days. At least ${floors.clicks} clicks (${floors.creativeClicks} of a creative), ${floors.spendUsd} of spend and ${floors.recentDays} of the last 7 days; a prior worth ${priorClicks} clicks at the rest's price; listed at 90 % confidence, if it stands among all that was tested (false discovery rate 10 %), and the surer it must be the more nights it was tested.`;
