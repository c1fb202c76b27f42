/** Words in small letters and without accents; scripts that write no spaces between words are cut from Latin ones. */
export function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFKD")
      .replaceAll(/\p{M}+/gu, "")
      .toLowerCase()
      .match(/[\p{Script=Latin}\p{N}]+|\p{L}+/gu) ?? []
  );
}

/** Runs of one to three words written as one, as app ids and domains write names: `dropfrenzy` of "Get Drop Frenzy". */
export function runsOf(words: readonly string[]): Set<string> {
  const runs = new Set<string>();
  for (let at = 0; at < words.length; at += 1) {
    let run = "";
    for (const word of words.slice(at, at + 3)) runs.add((run += word));
  }
  return runs;
}

/** Overlapping triples of words; what is shorter is one of its own. */
export function shinglesOf(words: readonly string[]): Set<string> {
  if (words.length < 3) return new Set(words.length === 0 ? [] : [words.join(" ")]);
  return new Set(words.slice(2, mostShingles + 2).map((_, at) => words.slice(at, at + 3).join(" ")));
}

export interface Similar {
  item: number;
  /** Jaccard's: what both have, as a share of what either has. */
  similarity: number;
}

/** What is in more texts than this says nothing of one product, and comparing by it takes long. */
const mostCommon = 200;

/** A text says what it is about early; the rest is terms and conditions. */
const mostShingles = 60;

/** Finds texts like a given one, by what they share: most pairs share nothing and are never compared. */
export function createSimilarity(texts: readonly ReadonlySet<string>[]): (item: number) => Similar[] {
  const holders = new Map<string, number[]>();
  for (const [item, shingles] of texts.entries()) {
    for (const shingle of shingles) {
      const items = holders.get(shingle) ?? [];
      items.push(item);
      holders.set(shingle, items);
    }
  }
  return (item) => {
    const own = texts[item] ?? new Set<string>();
    const shared = new Map<number, number>();
    for (const shingle of own) {
      const items = holders.get(shingle) ?? [];
      if (items.length > mostCommon) continue;
      for (const other of items) if (other !== item) shared.set(other, (shared.get(other) ?? 0) + 1);
    }
    return [...shared]
      .map(([other, both]) => ({ item: other, similarity: both / (own.size + (texts[other]?.size ?? 0) - both) }))
      .sort((one, other) => other.similarity - one.similarity || one.item - other.item);
  };
}
