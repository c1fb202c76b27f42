import { z } from "zod";

/** Characters of which nothing is seen: they turn the direction, join, hide, or carry what only a program reads. */
const hidden = String.raw`[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]`;
/** Where they are spelling: pictures that are put together or shown in colour, and joiners within scripts that have them. */
const picture = String.raw`\p{Extended_Pictographic}`;
const joining =
  "Arabic Syriac Nko Mongolian Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Khmer Myanmar"
    .split(" ")
    .map((script) => String.raw`\p{Script=${script}}`)
    .join("");
const spelling = [
  String.raw`(?<=[${picture}\p{Emoji_Modifier}\ufe0f])\u200d(?=${picture})`,
  String.raw`(?<=${picture})\ufe0f`,
  String.raw`(?<=[0-9#*])\ufe0f(?=\u20e3)`,
  String.raw`(?<=[${joining}\p{M}])[\u200c\u200d](?=[${joining}])`,
].join("|");
const needless = new RegExp(`(?!${spelling})${hidden}`, "gu");
/** White space, the blank of Braille among it: it has no dots. */
const blank = /[\s\u2800]+/gu;
/** Nobody types these; white ones are white space. */
const control = /^[^\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\p{Cs}]*$/u;

const visible = (text: string) => text.normalize("NFC").replaceAll(needless, "");

/** As it is seen: on one line, nothing invisible in it, one spelling of each letter. What looks the same is the same. */
export const asSeen = (text: string): string => visible(text.replaceAll(blank, " ")).replaceAll(blank, " ").trim();

/** The same over several lines. */
function linesAsSeen(text: string): string {
  const lines = visible(text.replaceAll(/\r\n?|[\u2028\u2029\x0b\x0c\x85]/g, "\n")).trim();
  return lines.replaceAll(blank, "") === "" ? "" : lines;
}

const sized = (seen: (text: string) => string, { least, most }: { least: number; most: number }) =>
  z
    .string()
    .regex(control, "must be text, without control characters")
    .overwrite(seen)
    .min(least, least === 1 ? "is empty" : `must have at least ${least} characters`)
    .max(most, `must have at most ${most} characters`);

/** What a person calls something. */
export const nameOf = ({ least = 1, most }: { least?: number; most: number }) => sized(asSeen, { least, most });

/** What a person says of something, over several lines if need be. */
export const remarkOf = ({ most }: { most: number }) => sized(linesAsSeen, { least: 1, most });
