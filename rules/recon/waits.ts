/** How long to wait before a platform is asked again. */
export interface WaitSettings {
  firstMs: number;
  longestMs: number;
}

/** Twice as long each time, so that a moment's trouble costs seconds and a week's costs a few tries a day; a platform's own word is kept, within reason. */
export function waitMsOf(tries: number, { firstMs, longestMs }: WaitSettings, hintMs: number | null): number {
  const grown = Math.min(firstMs * 2 ** Math.min(tries - 1, 40), longestMs);
  return Math.min(Math.max(hintMs ?? grown, Math.min(firstMs, grown)), longestMs);
}
