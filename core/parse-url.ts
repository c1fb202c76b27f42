/**
 * The address, or null when the text is none. Not by `URL.canParse`: in Node 20, once it was called a few thousand times,
 * it refuses hosts with letters such as ü that it took before.
 */
export function parseUrl(text: string, base?: string | URL): URL | null {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
}
