/** A creative as Google names it: what lists of creatives say where an id alone would mean several. */
export const creativeName = (buyerId: string, creativeId: string) => `buyers/${buyerId}/creatives/${creativeId}`;

/** What of a client's creatives a text means: a name, or an id alone. */
export function readCreativeName(text: string): { buyerId: string | null; creativeId: string } {
  const [, buyerId, creativeId] = /^buyers\/([^/]+)\/creatives\/(.+)$/s.exec(text) ?? [];
  return buyerId === undefined || creativeId === undefined
    ? { buyerId: null, creativeId: text }
    : { buyerId, creativeId };
}
