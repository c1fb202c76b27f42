/**
 * A text without what turns the writing direction, for where a name from outside stands within our words and no element can
 * isolate it: sentences, titles, messages. The letters stay.
 */
export const withoutDirection = (text: string) =>
  text.replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
