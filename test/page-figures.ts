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

/** Figures of a page that name the JSON route they come from: cells of tables, and cards. */
export function figuresIn(html: string): Figure[] {
  const cards = [...html.matchAll(new RegExp(`<\\w+${inTag}\\sdata-fact=${inTag}>`, "g"))].map(([tag]) => ({
    json: attribute(tag, "json") ?? "",
    place: attribute(tag, "fact") ?? "",
    value: attribute(tag, "value") ?? "",
  }));
  const cells = [...html.matchAll(new RegExp(`<table${inTag}\\sdata-json=.*?</table>`, "gs"))].flatMap(([table]) => {
    const head = new RegExp(`^<table${inTag}>`).exec(table)?.[0] ?? "";
    return [...table.matchAll(/<tr data-row=.*?<\/tr>/gs)].flatMap(([row]) =>
      [...row.matchAll(new RegExp(`<\\w+${inTag}\\sdata-field=${inTag}>`, "g"))].map(([cell]) => ({
        json: attribute(head, "json") ?? "",
        place: [attribute(head, "path"), attribute(row, "row"), attribute(cell, "field")]
          .filter((part) => part !== undefined && part !== "")
          .join("."),
        value: attribute(cell, "value") ?? "",
      })),
    );
  });
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
  for (const { json, place, value } of figuresIn(html)) {
    if (!answers.has(json)) {
      const answer = await api.inject({ url: json, headers: await bearer({ client, role: "admin" }) });
      if (answer.statusCode !== 200) wrong.push([json, answer.statusCode, answer.body]);
      answers.set(json, answer.json());
    }
    const said = place
      .split(".")
      .reduce<unknown>((at, name) => (at as Record<string, unknown> | null)?.[name], answers.get(json));
    compared += 1;
    if (String(said ?? "") !== value) wrong.push([json, place, said, value]);
  }
  return { compared, wrong };
}
