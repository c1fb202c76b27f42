/** Characters that are not seen and turn the direction of what follows them. */
const turning = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text without what turns the writing direction, for where a name from outside stands within our words and no element can
 * isolate it: sentences, titles, messages. The letters stay.
 */
export const withoutDirection = (text: string) => text.replaceAll(turning, "");

export const turnsDirection = (text: string) => text.search(turning) !== -1;

/** The same text with these characters named, `[U+202E]`, instead of obeyed. */
export const withDirectionNamed = (text: string) => text.replaceAll(turning, named);

const named = (one: string) => `[U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;

/** Characters of which nothing is seen: they turn, join, hide or carry what only a program reads. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** For programs that obey what they read: every character that a person would not see is named. */
export const withHiddenNamed = (text: string) => text.replaceAll(hidden, named);
