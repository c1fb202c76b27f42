/** What a whole reading of a seat's list found. */
export interface FoundList {
  /** Listed once, and not by this reading. */
  missing: number;
  seen: number;
  /** How many the exchange says the list has; null where it does not say. */
  activeCreatives: number | null;
}

export interface JudgedList {
  /** synced: what is missing has vanished. emptied, short: the list is not believed. */
  outcome: "synced" | "emptied" | "short";
  /** What a person has to know; null when the list is an ordinary one. */
  told: string | null;
}

/** Most of a seat's creatives do not vanish in a day: such a list is believed only where the exchange counts as few. */
export function judgeList({ missing, seen, activeCreatives }: FoundList): JudgedList {
  if (missing <= seen) return { outcome: "synced", told: null };
  const before = missing + seen;
  const counts = activeCreatives === null ? "" : `, and the exchange counts ${activeCreatives}`;
  if (seen === 0 && activeCreatives !== 0)
    return {
      outcome: "emptied",
      told: `the list is empty, of ${before} before${counts}. Nothing was marked as vanished`,
    };
  // Nearer to what was there than to what is listed.
  if (activeCreatives !== null && activeCreatives - seen > missing / 2)
    return { outcome: "short", told: `the list has ${seen} of ${before}${counts}. Nothing was marked as vanished` };
  return { outcome: "synced", told: `${missing} of ${before} creatives vanished at once${counts}` };
}
