import type { ConnectorErrorKind } from "../../core/connector-error-kind.ts";
import type { Metric } from "./compare.ts";
import type { PlatformAnswer } from "./platform-answer.ts";

interface Failed {
  kind: ConnectorErrorKind;
}

/** What a platform reports for certain. */
interface Verifying {
  verifies: readonly Metric[];
}

/** What came of asking a platform with one account. */
export type Tried<Failure extends Failed = Failed> =
  | { kind: "answer"; answer: PlatformAnswer }
  | { kind: "error"; error: Failure }
  /** The settings that the account lacks. */
  | { kind: "missing"; settings: readonly string[] };

/** Whose answer counts, and what to say of the affiliate's token where it did not help. */
export interface Chosen<Failure extends Failed> {
  whose: "client" | "affiliate";
  tried: Tried<Failure>;
  note: string | null;
}

const fixedByPeople: ReadonlySet<ConnectorErrorKind> = new Set([
  "unauthorized",
  "rejected",
  "malformed",
  "quota_spent",
]);

/** What only a person can fix is not fixed in seconds. */
export const needsAPerson = ({ kind }: Failed) => fixedByPeople.has(kind);

/** Whether the client's account has said all there is to say: an affiliate's token is only asked where it has not. */
export function isEnough({ verifies }: Verifying, tried: Tried): boolean {
  switch (tried.kind) {
    case "missing":
      return false;
    case "error":
      return !needsAPerson(tried.error);
    case "answer":
      return tried.answer.kind === "metrics"
        ? verifiedMetrics(verifies, tried.answer) === verifies.length
        : tried.answer.kind !== "unknown_post";
  }
}

/**
 * An affiliate's token can only add to what the client's account says. One that fails, or that belongs to another
 * account, leaves the client's answer as it is: else an affiliate could switch off the check of its own claims.
 */
export function chooseAnswer<Failure extends Failed>(
  { verifies }: Verifying,
  client: Tried<Failure>,
  affiliate: Tried<Failure>,
): Chosen<Failure> {
  const clients = (note: string | null): Chosen<Failure> => ({ whose: "client", tried: client, note });
  const affiliates: Chosen<Failure> = { whose: "affiliate", tried: affiliate, note: null };
  if (affiliate.kind === "missing") return clients(null);
  if (affiliate.kind === "error") {
    if (!needsAPerson(affiliate.error) || client.kind === "missing") return affiliates;
    return clients(
      affiliate.error.kind === "unauthorized"
        ? "the affiliate's own token is refused"
        : "the affiliate's own token does not help",
    );
  }
  if (client.kind === "missing") return affiliates;
  if (affiliate.answer.kind === "unknown_post")
    return clients("the account of the affiliate's own token has no such post");
  const clientMetrics = client.kind === "answer" ? verifiedMetrics(verifies, client.answer) : 0;
  const isMore = affiliate.answer.kind !== "metrics" || verifiedMetrics(verifies, affiliate.answer) > clientMetrics;
  return isMore ? affiliates : clients("the affiliate's own token does not show more");
}

function verifiedMetrics(verifies: Verifying["verifies"], answer: PlatformAnswer): number {
  return answer.kind === "metrics" ? verifies.filter((metric) => answer.metrics[metric] !== null).length : 0;
}
