/** Takes known secrets, and what looks like one, out of a text. */
export type Redact = (text: string) => string;

const mark = "[redacted]";

/** Query parameters and headers that carry a key wherever they turn up, whosever key it is. */
const carriers = [
  /((?:api[_-]?key|access[_-]?token|refresh[_-]?token|client[_-]?secret|token|password|secret)["']?\s*[=:]\s*["']?)([^\s"'&,;}\\]{6,})/gi,
  /((?:bearer|basic|bot)\s+)([A-Za-z0-9._~+/=-]{12,})/gi,
  /(\/\/[^/\s:@]+:)([^/\s@]+)(?=@)/g,
  /(\/hooks\/[a-z]+\/)([^/\s?"']{8,})/gi,
];

/**
 * Replaces known secrets in every spelling a URL, a JSON text or a header gives them, and touches nothing else: fit
 * for data. A text is cleaned whole and cut afterwards: the other way round, half a secret could be left at the edge.
 */
export function createEraser(secrets: Iterable<string>): Redact {
  const spellings = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    spellings.add(secret);
    // A query string escapes more than encodeURIComponent does, and servers echo the hex digits in either case.
    for (const escaped of [encodeURIComponent(secret), new URLSearchParams([["", secret]]).toString().slice(1)]) {
      spellings.add(escaped);
      spellings.add(escaped.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
    }
    spellings.add(escapeHtml(secret));
    spellings.add(JSON.stringify(secret).slice(1, -1));
    spellings.add(Buffer.from(secret).toString("base64"));
    spellings.add(Buffer.from(secret).toString("base64url"));
    spellings.add(Buffer.from(secret).toString("hex"));
  }
  // Longest first, so that a secret that contains another leaves nothing of itself behind.
  const known = [...spellings].sort((one, other) => other.length - one.length);
  return (text) => known.reduce((clean, spelling) => clean.replaceAll(spelling, mark), text);
}

/** As error pages show it. */
function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** For logs and messages: known secrets, and whatever stands where secrets usually stand. */
export function createRedactor(secrets: Iterable<string>): Redact {
  const erase = createEraser(secrets);
  return (text) => redactCarriers(erase(text));
}

/** Without knowing any secret: blanks what stands where secrets stand. */
export function redactCarriers(text: string): string {
  return carriers.reduce((clean, carrier) => clean.replace(carrier, `$1${mark}`), text);
}
