/** Characters that are not seen and turn the direction of what follows them. */
const turning = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text without what turns the writing direction, for where a name from outside stands within our words and no element can
 * isolate it: sentences, titles, messages. The letters stay.
 */
export const withoutDirection = (text: string) => text.replaceAll(turning, "");

export const turnsDirection = (text: string) => text.search(turning) !== -1;

/** The same text with these characters named, `[U+202E]`, instead of obeyed. */
export const withDirectionNamed = (text: string) =>
  text.replaceAll(turning, (one) => `[U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`);
