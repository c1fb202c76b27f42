/** What may become of something that a search lists night after night; each list takes those that it has. */
export type ListedState = "new" | "seen" | "planned" | "snoozed" | "dismissed" | "done" | "gone";

/** Whoever says so must say why: it is read months later. */
export const needReason: readonly ListedState[] = ["dismissed", "snoozed"];

interface Held {
  state: ListedState;
  /** Whether the last search lists it, or at least does not speak against it. */
  isListed: boolean;
  stillHolds: boolean;
  snoozedUntil: string | null;
  /** The client's today. */
  today: string;
  /** Whether it is clearly more than it was when a person was done with it. */
  hasGrown?: boolean;
}

/**
 * The state after a search; null where it stays. One that was dismissed does not come back by itself unless it has grown,
 * and neither does one that is done.
 */
export function stateAfter({ state, isListed, stillHolds, snoozedUntil, today, hasGrown = false }: Held) {
  switch (state) {
    case "dismissed":
    case "done":
      return isListed && hasGrown ? "new" : null;
    case "planned":
      return null;
    case "gone":
      return isListed ? "new" : null;
    case "snoozed":
      if (!isListed && !stillHolds) return "gone";
      return snoozedUntil !== null && snoozedUntil <= today ? "new" : null;
    case "new":
    case "seen":
      return isListed || stillHolds ? null : "gone";
  }
}
