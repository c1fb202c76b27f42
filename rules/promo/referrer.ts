const mostKept = 500;

/** The page that a link was on, or a word such as gmail_app: without what in an address can stand for a person, and cut to fit. */
export function keptReferrer(text: string | null | undefined): string | null {
  const plain = storable(text ?? "")
    .trim()
    .replace(/[?#].*/s, "");
  const kept = plain.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1").slice(0, mostKept);
  return kept === "" ? null : storable(kept);
}

/** Postgres has no zero byte, and no half of a surrogate pair, which a cut can make. */
export function storable(text: string): string {
  return text.replaceAll(/[\u0000\p{Surrogate}]/gu, "");
}
