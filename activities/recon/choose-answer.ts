import type { ConnectorError, ConnectorErrorKind } from "../../connectors/errors.ts";
import type { Platform, PlatformAnswer } from "../../connectors/platforms/platform.ts";

/** What came of asking a platform with one account. */
export type Tried =
  | { kind: "answer"; answer: PlatformAnswer }
  | { kind: "error"; error: ConnectorError }
  /** The settings that the account lacks. */
  | { kind: "missing"; settings: readonly string[] };

/** Whose answer counts, and what to say of the affiliate's token where it did not help. */
export interface Chosen {
  whose: "client" | "affiliate";
  tried: Tried;
  note: string | null;
}

const fixedByPeople: ReadonlySet<ConnectorErrorKind> = new Set([
  "unauthorized",
  "rejected",
  "malformed",
  "quota_spent",
]);

/** What only a person can fix is not fixed in seconds. */
export const needsAPerson = ({ kind }: ConnectorError) => fixedByPeople.has(kind);

/** Whether the client's account has said all there is to say: an affiliate's token is only asked where it has not. */
export function isEnough({ verifies }: Pick<Platform, "verifies">, tried: Tried): boolean {
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
export function chooseAnswer({ verifies }: Pick<Platform, "verifies">, client: Tried, affiliate: Tried): Chosen {
  const clients = (note: string | null): Chosen => ({ whose: "client", tried: client, note });
  const affiliates: Chosen = { whose: "affiliate", tried: affiliate, note: null };
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

function verifiedMetrics(verifies: Platform["verifies"], answer: PlatformAnswer): number {
  return answer.kind === "metrics" ? verifies.filter((metric) => answer.metrics[metric] !== null).length : 0;
}
