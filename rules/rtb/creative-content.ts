import { withoutMacros } from "./macros.ts";

/** Snippets are at most some tens of kilobytes; nothing that a person reads comes later. */
const longestContent = 200_000;
const longestText = 2_000;
const mostLinks = 50;

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

function withoutEntities(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,5}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[String(name).toLowerCase()] ?? whole;
    const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    return code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff) ? "" : String.fromCodePoint(code);
  });
}

/** On one line, without what steers a terminal or turns the reading direction. */
export function plainLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, longestText);
}

/** Small letters of ASCII only: others can change their length, and with it every position behind them. */
const lowered = (text: string) => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** The texts of elements, up to the next closing mark; one without an end ends the search. */
function textsOf(markup: string, open: RegExp): string[] {
  const found: string[] = [];
  for (const { 0: mark, index } of markup.matchAll(open)) {
    const start = index + mark.length;
    const end = markup.indexOf("</", start);
    if (end === -1 || found.length === mostLinks) break;
    found.push(
      withoutEntities(
        markup
          .slice(start, end)
          .replaceAll(/<!\[CDATA\[|\]\]>/gi, "")
          .trim(),
      ),
    );
  }
  return found;
}

/** What lies between two marks is taken out, an open end with all that follows. */
function without(text: string, open: string, close: string): string {
  const parts: string[] = [];
  const lower = lowered(text);
  let from = 0;
  for (;;) {
    const start = lower.indexOf(open, from);
    if (start === -1) return [...parts, text.slice(from)].join(" ");
    parts.push(text.slice(from, start));
    const end = lower.indexOf(close, start + open.length);
    if (end === -1) return parts.join(" ");
    // A closing tag stays: it is taken out with the other tags.
    from = close.startsWith("</") ? end : end + close.length;
  }
}

/** What a person would see of a snippet: its words and the texts of its pictures. The snippet is never run. */
export function visibleText(snippet: string): string {
  let rest = without(withoutMacros(snippet.slice(0, longestContent)), "<!--", "-->");
  for (const name of ["script", "style", "noscript"]) rest = without(rest, `<${name}`, `</${name}`);
  const pictures = [...rest.matchAll(/\s(?:alt|title|aria-label)\s?=\s?(?:"([^"]{1,300})"|'([^']{1,300})')/gi)].map(
    ([, one, other]) => one ?? other ?? "",
  );
  const words = rest.replaceAll(/<[^<>]{0,5000}>/g, " ");
  // A headline is often the text of its picture, too.
  return [...new Set([words, ...pictures].map((text) => plainLine(withoutEntities(text))))].join(" ").trim();
}

/** Addresses that a click on the snippet leads to, as written. */
export function clickUrls(snippet: string): string[] {
  const text = snippet.slice(0, longestContent);
  const found = [
    ...text.matchAll(/\shref\s?=\s?(?:"([^"]{4,8192})"|'([^']{4,8192})')/gi),
    ...text.matchAll(/\b(?:window\.open|clickTag|clickTAG|exitUrl)\s?[(=]\s?(?:"([^"]{4,8192})"|'([^']{4,8192})')/g),
  ].map(([, one, other]) => withoutEntities(one ?? other ?? ""));
  return [...new Set(found)].slice(0, mostLinks);
}

export function vastClickUrls(vast: string): string[] {
  return textsOf(vast.slice(0, longestContent), /<(?:companion)?clickthrough\b[^<>]{0,300}>/gi);
}

/** Title and description of a video: all of it that is text. */
export function vastText(vast: string): string {
  const texts = textsOf(vast.slice(0, longestContent), /<(?:adtitle|description|advertiser)\b[^<>]{0,300}>/gi);
  return plainLine(withoutMacros(texts.join(" ")));
}

/** The size of a video's largest file. The API has none; null where the VAST has none either. */
export function vastSize(vast: string): { width: number; height: number } | null {
  const sizes = [...vast.slice(0, longestContent).matchAll(/<mediafile\b([^<>]{0,2000})>/gi)].flatMap(
    ([, attributes = ""]) => {
      const width = Number(/\swidth\s?=\s?["'](\d{1,5})["']/i.exec(attributes)?.[1] ?? 0);
      const height = Number(/\sheight\s?=\s?["'](\d{1,5})["']/i.exec(attributes)?.[1] ?? 0);
      return width > 0 && height > 0 ? [{ width, height }] : [];
    },
  );
  return sizes.sort((one, other) => other.width * other.height - one.width * one.height)[0] ?? null;
}
