import { Badge, type Tone } from "./format.tsx";

/** How far a day can be believed. `emptied`: the vendor's answer lost its rows and was not taken. */
export type DayState = "final" | "partial" | "provisional" | "failed" | "emptied" | "missing";

const known: Record<DayState, { tone: Tone; sign: string; what: string }> = {
  final: { tone: "good", sign: "✓", what: "read whole after the day's end" },
  provisional: { tone: "note", sign: "…", what: "can still change" },
  partial: { tone: "warning", sign: "◐", what: "something of the day is missing" },
  emptied: { tone: "warning", sign: "◐", what: "the answer lost its rows and was not taken" },
  failed: { tone: "bad", sign: "✕", what: "could not be fetched" },
  missing: { tone: "quiet", sign: "–", what: "never fetched" },
};

export const stateWords = known;

/** The word says it; sign and colour help those who look over many. */
export function StateBadge({ state }: { state: DayState }) {
  const { tone, sign } = known[state];
  return (
    <Badge tone={tone}>
      <span aria-hidden="true">{sign}</span> {state}
    </Badge>
  );
}
