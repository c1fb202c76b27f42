import { LosslessNumber, parse } from "lossless-json";

/** What the quick way does not read: the library decides what it is, or says what is wrong with it. */
class Unusual extends Error {}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** An escape, or what JSON does not allow in a string. */
const irregular = /[\\\u0000-\u001f]/;

/**
 * JSON with every number's digits as they were sent. The same as lossless-json, several times as fast: strings are cut out
 * whole instead of being put together, and a page of a thousand rows is mostly strings.
 */
export function parseLossless(text: string): unknown {
  try {
    return new Reader(text).document();
  } catch {
    return parse(text);
  }
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): unknown {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) throw new Unusual();
    return value;
  }

  private value(): unknown {
    this.space();
    switch (this.text.charCodeAt(this.at)) {
      case 0x7b: // {
        return this.object();
      case 0x5b: // [
        return this.array();
      case 0x22: // "
        return this.string();
      case 0x74:
        return this.word("true", true);
      case 0x66:
        return this.word("false", false);
      case 0x6e:
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  private object(): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    this.at += 1;
    if (this.follows(0x7d)) return found;
    do {
      this.space();
      const key = this.string();
      // A name that is there already, as a second one or in every object.
      if (key in found) throw new Unusual();
      if (!this.follows(0x3a)) throw new Unusual();
      found[key] = this.value();
    } while (this.follows(0x2c));
    if (!this.follows(0x7d)) throw new Unusual();
    return found;
  }

  private array(): unknown[] {
    const found: unknown[] = [];
    this.at += 1;
    if (this.follows(0x5d)) return found;
    do found.push(this.value());
    while (this.follows(0x2c));
    if (!this.follows(0x5d)) throw new Unusual();
    return found;
  }

  private string(): string {
    if (this.text.charCodeAt(this.at) !== 0x22) throw new Unusual();
    const start = this.at + 1;
    let end = this.text.indexOf('"', start);
    if (end === -1) throw new Unusual();
    let text = this.text.slice(start, end);
    if (irregular.test(text)) {
      while (isEscaped(this.text, end, start)) {
        end = this.text.indexOf('"', end + 1);
        if (end === -1) throw new Unusual();
      }
      text = JSON.parse(this.text.slice(this.at, end + 1)) as string;
    }
    this.at = end + 1;
    return text;
  }

  private number(): LosslessNumber {
    number.lastIndex = this.at;
    const [digits] = number.exec(this.text) ?? [];
    if (digits === undefined) throw new Unusual();
    this.at += digits.length;
    return new LosslessNumber(digits);
  }

  private word<Value>(word: string, value: Value): Value {
    if (!this.text.startsWith(word, this.at)) throw new Unusual();
    this.at += word.length;
    return value;
  }

  private follows(character: number): boolean {
    this.space();
    if (this.text.charCodeAt(this.at) !== character) return false;
    this.at += 1;
    return true;
  }

  private space(): void {
    for (;;) {
      const character = this.text.charCodeAt(this.at);
      if (character !== 0x20 && character !== 0x0a && character !== 0x0d && character !== 0x09) return;
      this.at += 1;
    }
  }
}

/** By an odd number of backslashes before it. */
function isEscaped(text: string, quote: number, start: number): boolean {
  let backslashes = 0;
  while (quote - backslashes > start && text.charCodeAt(quote - backslashes - 1) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}
