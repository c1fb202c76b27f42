import type { OpportunityType } from "../../rules/intelligence/opportunity-cells.ts";
import type { AdviceOutcome } from "../../rules/intelligence/scorecard.ts";
import { Badge, Name, type Tone } from "../components/format.tsx";
import { countryName } from "../rtb/marks.tsx";
import type { Opportunity } from "./answers.ts";

export const typeWords: Record<OpportunityType, string> = {
  undervalued_geo: "Undervalued country",
  high_cpc_low_spend: "Good price, little spend",
  size_gap: "Missing size",
  neglected_creative: "Neglected creative",
};

const outcomes: Record<AdviceOutcome, { tone: Tone; word: string }> = {
  right: { tone: "good", word: "right" },
  partly: { tone: "warning", word: "saved less than said" },
  wrong: { tone: "bad", word: "wrong" },
  undecided: { tone: "quiet", word: "undecided" },
  not_raised: { tone: "quiet", word: "budget was not raised" },
  too_early: { tone: "quiet", word: "too early" },
  campaign_gone: { tone: "quiet", word: "campaign is gone" },
};
export const outcomeWord = (outcome: AdviceOutcome) => outcomes[outcome].word;

export function Outcome({ of }: { of: AdviceOutcome }) {
  return <Badge tone={outcomes[of].tone}>{outcomes[of].word}</Badge>;
}

/** What part of its campaign it is about. */
export const subjectText = ({ geography, size, creativeId }: Pick<Opportunity, "geography" | "size" | "creativeId">) =>
  geography === null ? (size ?? creativeId) : countryName(geography);

export function Insight({ of }: { of: Opportunity }) {
  const subject = subjectText(of);
  return (
    <>
      {typeWords[of.type]}
      {subject === null ? null : (
        <>
          : <Name of={subject} />
        </>
      )}
    </>
  );
}

/** Nothing is quite certain. */
export const confidenceText = (confidence: number) => (confidence > 0.999 ? "over 99.9 %" : percentOf(confidence));

export const percentOf = (share: number) => `${Math.round(share * 1000) / 10} %`;
