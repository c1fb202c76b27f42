// Looked up once: a test runner's global objects are slow to reach, and this runs for every character.
const { imul } = Math;

/** A number in [0, 1) that depends on its parts alone: the same on every machine and in every run. */
export function chance(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of parts.join("/")) hash = imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
