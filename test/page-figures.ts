import { Big } from "big.js";
import type { Api } from "../api/server/parts.ts";
import { bearer } from "./api-server.ts";

const unescaped = (text: string) =>
  text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
const attribute = (tag: string, name: string) => {
  const found = new RegExp(`\\sdata-${name}(?:="([^"]*)")?`).exec(tag);
  return found === null ? undefined : unescaped(found[1] ?? "");
};

/** A tag's attributes: what is quoted may hold a >. */
const inTag = `(?:"[^"]*"|[^">])*`;

interface Figure {
  json: string;
  place: string;
  value: string;
}

/** What a page works out of an answer: a change in percent, or how many of a list there are. */
interface WorkedOut {
  json: string;
  shown: string;
  from: (answer: unknown) => string;
}

export const valueAt = (answer: unknown, place: string) =>
  place.split(".").reduce<unknown>((one, name) => (one as Record<string, unknown> | null | undefined)?.[name], answer);

/** In whole thousandths, as people would with a pencil: not with the page's own words. */
function changeOf(now: unknown, before: unknown): string {
  const [a, b] = [new Big(String(now ?? 0)), new Big(String(before))];
  if (a.eq(b)) return "the same";
  if (b.eq(0) && a.gt(0)) return "new";
  if (b.lte(0)) return a.gt(b) ? "higher" : "lower";
  const word = a.gt(b) ? "more" : "less";
  const percent = a.minus(b).abs().times(100).div(b);
  if (percent.lt("0.05")) return `under 0.1 % ${word}`;
  return `${percent.toFixed(percent.gte(100) ? 0 : 1)} % ${word}`;
}

const tags = (html: string, name: string) =>
  [...html.matchAll(new RegExp(`<\\w+${inTag}\\sdata-${name}=${inTag}>`, "g"))].map(([tag]) => tag);

function changeIn(tag: string, json: string, path: string): WorkedOut {
  const [now, before] = ["now", "before"].map((name) => `${path}${attribute(tag, name) ?? ""}`);
  const from = (answer: unknown) => changeOf(valueAt(answer, now ?? ""), valueAt(answer, before ?? ""));
  return { json, shown: attribute(tag, "change") ?? "", from };
}

function countIn(tag: string): WorkedOut {
  const where = [...new URLSearchParams(attribute(tag, "where") ?? "")];
  const plus = attribute(tag, "plus");
  const from = (answer: unknown) => {
    const list = (valueAt(answer, attribute(tag, "count") ?? "") ?? []) as Record<string, unknown>[];
    const those = list.filter((item) => where.every(([name, value]) => String(item[name]) === value)).length;
    const more = plus === undefined ? 0 : Number(valueAt(answer, plus));
    return String(those - Number(attribute(tag, "less") ?? 0) + more);
  };
  return { json: attribute(tag, "json") ?? "", shown: attribute(tag, "value") ?? "", from };
}

/** Changes and counts of a page that name what they are worked out of. */
export function workedOutIn(html: string): WorkedOut[] {
  const changes = tags(html, "change").filter((tag) => attribute(tag, "json") !== undefined);
  const inRows = rowsIn(html).flatMap(({ json, path, row }) =>
    tags(row, "change").map((tag) => changeIn(tag, json, `${path}.`)),
  );
  const alone = changes.map((tag) => changeIn(tag, attribute(tag, "json") ?? "", ""));
  return [...alone, ...inRows, ...tags(html, "count").map(countIn)];
}

/** Rows of tables that name their JSON route, each with its place in the answer. */
function rowsIn(html: string): { json: string; path: string; row: string }[] {
  return [...html.matchAll(new RegExp(`<table${inTag}\\sdata-json=.*?</table>`, "gs"))].flatMap(([table]) => {
    const head = new RegExp(`^<table${inTag}>`).exec(table)?.[0] ?? "";
    return [...table.matchAll(/<tr data-row=.*?<\/tr>/gs)].map(([row]) => ({
      json: attribute(head, "json") ?? "",
      path: [attribute(head, "path"), attribute(row, "row")]
        .filter((part) => part !== undefined && part !== "")
        .join("."),
      row,
    }));
  });
}

/** Figures of a page that name the JSON route they come from: cells of tables, and cards. */
export function figuresIn(html: string): Figure[] {
  const cards = tags(html, "fact").map((tag) => ({
    json: attribute(tag, "json") ?? "",
    place: attribute(tag, "fact") ?? "",
    value: attribute(tag, "value") ?? "",
  }));
  const cells = rowsIn(html).flatMap(({ json, path, row }) =>
    tags(row, "field").map((cell) => ({
      json,
      place: [path, attribute(cell, "field")].filter((part) => part !== "").join("."),
      value: attribute(cell, "value") ?? "",
    })),
  );
  return [...cards, ...cells];
}

/** Asks the JSON routes that a page's figures name, and answers those that say something else. */
export async function compareFigures(
  api: Api,
  html: string,
  client = "713",
): Promise<{ compared: number; wrong: unknown[] }> {
  const answers = new Map<string, unknown>();
  const wrong: unknown[] = [];
  let compared = 0;
  const ask = async (json: string) => {
    if (!answers.has(json)) {
      const answer = await api.inject({ url: json, headers: await bearer({ client, role: "admin" }) });
      if (answer.statusCode !== 200) wrong.push([json, answer.statusCode, answer.body]);
      answers.set(json, answer.json());
    }
    return answers.get(json);
  };
  for (const { json, place, value } of figuresIn(html)) {
    const said = valueAt(await ask(json), place);
    compared += 1;
    if (String(said ?? "") !== value) wrong.push([json, place, said, value]);
  }
  for (const { json, shown, from } of workedOutIn(html)) {
    const said = from(await ask(json));
    compared += 1;
    if (said !== shown) wrong.push([json, "worked out", said, shown]);
  }
  return { compared, wrong };
}

const alone = new Set(["area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"]);
/** What is drawn stands in a table beneath; what is chosen, typed or asked in SQL is no figure of the page. */
const aside = new Set(["head", "svg", "option", "textarea", "code", "pre", "script"]);
/** A card of a creative names its figures all together. */
const namesItself = /\sdata-(?:fact|count|change|spend)=/;

/** Amounts of money in the text of a page that name no route: nothing compares them. */
export function unnamedMoneyIn(html: string): string[] {
  const found: string[] = [];
  const open: { tag: string; isNamed: boolean; isRow: boolean }[] = [];
  for (const [, slash, tag = "", rest = "", text] of html.matchAll(/<(\/?)([\w-]+)((?:"[^"]*"|[^">])*)>|([^<]+)/g)) {
    if (text !== undefined) {
      if (/[$€£]\s?\d/.test(text) && !open.some(({ isNamed }) => isNamed)) found.push(unescaped(text).trim());
    } else if (slash === "/") {
      while (open.length > 0 && open.pop()?.tag !== tag);
    } else if (!alone.has(tag) && !rest.endsWith("/")) {
      const isCell = / data-field=/.test(rest) && open.some(({ isRow }) => isRow);
      open.push({ tag, isNamed: isCell || aside.has(tag) || namesItself.test(rest), isRow: / data-row=/.test(rest) });
    }
  }
  return found;
}
