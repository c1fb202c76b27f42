/** Deeper than anything that is meant; far less than what a recursive reader bears. */
const deepest = 64;
/** More than the largest list that is taken has, and little enough to be read at once. */
const mostMembers = 500_000;

/**
 * What is wrong with a JSON text before it is parsed; null when nothing is. Depth, because readers of what was parsed
 * recurse. The same key twice, because readers differ on which one counts, and one of the two may be an amount. Whether it
 * is JSON at all is the parser's business.
 */
export function jsonProblem(text: string): string | null {
  /** For each object that is open its keys, for each list null. */
  const open: (Set<string> | null)[] = [];
  let members = 0;
  let keyMayFollow = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '"': {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (keyMayFollow && keys) {
          const key = keyOf(text.slice(at, end + 1));
          if (key === "__proto__") return "has a key __proto__";
          if (keys.has(key)) return `has the key "${key.slice(0, 100)}" twice`;
          keys.add(key);
        }
        keyMayFollow = false;
        at = end;
        break;
      }
      case "{":
      case "[":
        open.push(text[at] === "{" ? new Set() : null);
        if (open.length > deepest) return `is nested deeper than ${deepest} levels`;
        keyMayFollow = text[at] === "{";
        break;
      case "}":
      case "]":
        open.pop();
        keyMayFollow = false;
        break;
      case ",":
        members += 1;
        if (members > mostMembers) return `has more than ${mostMembers} members`;
        keyMayFollow = true;
        break;
      default:
    }
  }
  return null;
}

/** Where a string that begins at `start` ends: a quotation mark before which there is an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === "\\") escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

/** As it is read: the same key can be written in several ways. */
function keyOf(written: string): string {
  if (!written.includes("\\")) return written.slice(1, -1);
  try {
    return JSON.parse(written) as string;
  } catch {
    return written;
  }
}
