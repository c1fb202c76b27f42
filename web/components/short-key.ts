/** A hash in full says no more to a person than its beginning; orders' numbers stay whole. */
export const shortKey = (key: string): string => key.replace(/[0-9a-f]{32,}/g, (hash) => `${hash.slice(0, 12)}…`);
