import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import ts from "typescript";

const root = import.meta.dirname;

/** Words that a person would have to look up here, and what to write instead. */
const riddles: [RegExp, string][] = [
  [/\bhand(?:s|ed|ing)? in\b/gi, "import, upload"],
  [/\btak(?:e|es|en|ing) (?:it |them )?up again\b/gi, "re-process"],
  [/\bset(?:s|ting)? aside\b/gi, "quarantined"],
  [/\boutweigh/gi, "overwritten by a later line"],
  [/\b(?:tells?|told|untold)\b/gi, "shows, prints, sends, reports"],
  [/\b(?:some|no|any)body\b/gi, "a person, or what is meant"],
  [/\bheal(?:s|ed|ing)?\b/gi, "recovered"],
  [/\bdoors?\b/gi, "endpoint, API"],
  [/\b(?:plays?|played)\b/gi, "mock server, sandbox; a drill causes a fault"],
  [/\bstand-ins?\b/gi, "mock server, sandbox"],
  [/\banew\b/gi, "again, refreshed"],
  [/\bnoughts?\b/gi, "zero, negative"],
  [/\bwhom\b/gi, "who; claimed against verified numbers"],
  [/\b(?:keeps? house|house of)\b/gi, "maintenance"],
  [/\bmend(?:s|ed|ing)?\b/gi, "fixed, corrected"],
  [/\b(?:forgets?|forgotten)\b/gi, "deletes"],
  [/\b(?:desk|office)\b/gi, "the plain noun for what it is"],
  [/\bin cents\b/gi, "rounded to the cent: amounts are dollars, or what the currency is"],
  [/\bwould not come\b/gi, "failed"],
];

/** Not in comments, where they are ordinary English: what tells two things apart, what somebody does, a button that plays a video. */
const ordinary = /tells|some\|no\|any|plays|forgets/;

/** Texts in which such a word is the right one. */
const allowed: [place: RegExp, text: RegExp][] = [
  // A stored state of a journey, and origin of a step: the vendor sent it.
  [/./, /^told$|'told'|`told`|told = sent|told \(sent|: told, click/],
  // What made-up data is drawn from: another word would make other data.
  [/^sandbox\/everflow-data\.ts$/, /^whom$/],
  // The host of a store.
  [/./, /\bplay\.google\.com\b/],
  // What the first release stored.
  [/^bench\/drills\/old-database\.ts$/, /'healed'/],
  // The system's account of that name.
  [/^scripts\/embedded\/unprivileged\.ts$/, /\bnobody\b/],
];

interface Line {
  line: number;
  text: string;
}

/** Production sources and pages. */
function files(): string[] {
  const skipped = /^(?:node_modules|dist.*|coverage|histories|migrations|fixtures|test)$/;
  const below = (folder: string): string[] =>
    readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) return skipped.test(entry.name) || entry.name.startsWith(".") ? [] : below(name);
      return /\.(?:tsx?|mjs)$|^(?:README|CONTRIBUTING|SECURITY)\.md$|^\.env\.example$|^docs\/.*\.md$|^schema\/comments\.sql$/.test(
        name,
      ) && !/\.test\.tsx?$|\.d\.ts$/.test(name)
        ? [name]
        : [];
    });
  return below("");
}

/** What people read of a file: a page whole, of a program its texts. */
function textsOf(file: string, content: string): Line[] {
  if (/\.(?:md|sql|example)$/.test(file)) return content.split("\n").map((text, index) => ({ line: index + 1, text }));
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.Latest, true);
  const texts: Line[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      texts.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, text: node.text });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

/** What its comments say. */
function commentsOf(file: string, content: string): Line[] {
  if (!/\.(?:tsx?|mjs)$/.test(file)) return [];
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.Latest, true);
  const found = new Map<number, Line>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of [
      ...(ts.getLeadingCommentRanges(content, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(content, node.end) ?? []),
    ])
      found.set(pos, { line: source.getLineAndCharacterOfPosition(pos).line + 1, text: content.slice(pos, end) });
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return [...found.values()];
}

function riddlesIn(file: string, content: string): string[] {
  const present = riddles.filter(([word]) => content.search(word) !== -1);
  if (present.length === 0) return [];
  const unambiguous = present.filter(([word]) => !ordinary.test(word.source));
  return [
    ...riddlesOf(file, textsOf(file, content), present),
    ...(unambiguous.length === 0 ? [] : riddlesOf(file, commentsOf(file, content), unambiguous)),
  ];
}

function riddlesOf(file: string, texts: readonly Line[], words: typeof riddles): string[] {
  return texts.flatMap(({ line, text }) =>
    words
      .flatMap(([word, instead]) => [...text.matchAll(word)].map(({ 0: found, index }) => ({ found, index, instead })))
      .filter(() => !allowed.some(([place, sentence]) => place.test(file) && sentence.test(text)))
      .map(
        ({ found, index, instead }) =>
          `${file}:${line + text.slice(0, index).split("\n").length - 1} "${found}": write ${instead}`,
      ),
  );
}

test("pages, commands, API texts, alerts, table comments and comments use the plain word", () => {
  expect(files().flatMap((file) => riddlesIn(file, readFileSync(path.join(root, file), "utf8")))).toEqual([]);
});

test("a riddle is named with its file, its line and the word to use", () => {
  expect(riddlesIn("docs/x.md", "A page.\nRows are set aside.")).toEqual([
    'docs/x.md:2 "set aside": write quarantined',
  ]);
  expect(riddlesIn("api/x.ts", "const a = 1;\nfail(`${a} was told`); // told")).toEqual([
    'api/x.ts:2 "told": write shows, prints, sends, reports',
  ]);
  expect(riddlesIn("api/x.ts", "/** Read.\n * It is read anew. */\nconst a = 1; // of the stand-in")).toEqual([
    'api/x.ts:2 "anew": write again, refreshed',
    'api/x.ts:3 "stand-in": write mock server, sandbox',
  ]);
  expect(riddlesIn("api/x.ts", 'import { tell } from "./tell.ts"; const told = 1;')).toEqual([]);
});
