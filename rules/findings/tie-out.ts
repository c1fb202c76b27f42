/** How what Everflow and AnyTrack have of a conversion may differ. */
export const tieOutDifferences = [
  "missing_in_anytrack",
  "missing_in_everflow",
  "amount_differs",
  "refused_by_everflow",
] as const;
export type TieOutDifference = (typeof tieOutDifferences)[number];

/** One comparison of a client at a time, whoever asks for it. */
export const tieOutWorkflowId = (client: string) => `tie-out/${client}`;

interface Missing {
  difference: TieOutDifference;
  clickId: string | null;
  origin: "real" | "sandbox";
  /** How far sending it is; null where it was never sent. */
  sending: "sending" | "sent" | "refused" | null;
}

/** Where AnyTrack's conversions are sent; null for a client without an integration. */
export type Collector = { origin: "real" | "sandbox" } | null;

/** Why a conversion cannot be sent again; null where it can, and where nothing is missing. */
export function whyNotSent({ difference, clickId, origin, sending }: Missing, collector: Collector): string | null {
  if (difference === "missing_in_everflow")
    return "Everflow takes it from the advertiser, and pays for it: have them send the postback of this order again";
  if (difference !== "missing_in_anytrack") return "nothing is missing";
  if (sending === "sent") return "sent to AnyTrack, which has not reported it yet";
  if (sending === "sending") return "is being sent";
  if (clickId === null) return "none of its values is a click that AnyTrack knows, and it takes nothing without one";
  if (collector === null)
    return "there is no AnyTrack integration: set ANYTRACK_ACCOUNT_ID and ANYTRACK_INTEGRATION for the client";
  if (collector.origin !== origin)
    return origin === "sandbox" ? "the sandbox made it up: it is not sent to AnyTrack" : "AnyTrack is the sandbox's";
  return null;
}
