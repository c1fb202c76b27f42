import type { Queryable } from "../schema/database.ts";
import type { figuresIn } from "./page-figures.ts";
import { client, items, type Source } from "./sql-source.ts";
import { sources } from "./sql-sources.ts";

export type Tuple = Record<string, string>;
type Figure = ReturnType<typeof figuresIn>[number];

/** The cards of creatives: no table, so their figures are attributes. */
const cards = /<li data-id="([^"]*)" data-spend="([^"]*)" data-cpc="([^"]*)" data-cpm="([^"]*)"/g;
const ofCards: Source = {
  name: "cards of creatives",
  rows: items,
  sql: `select creative_id::text as id, round(spend, 2) as spend, round(spend / nullif(clicks, 0), 4) as cpc, round(spend * 1000 / nullif(impressions, 0), 4) as cpm
          from rtb.creative_periods where ${client} and period = 'all'`,
};

export interface BothFigures {
  name: string;
  shown: Tuple[];
  stored: Tuple[];
  isWhole: boolean;
  isMade: boolean;
}

/** What a page shows beside what its tables and views say: of each row, the fields that both have. */
export async function figuresOfSql(
  database: Queryable,
  { route, page, figures }: { route: string; page: string; figures: readonly Figure[] },
): Promise<BothFigures[]> {
  const both: BothFigures[] = [];
  for (const source of sources[route] ?? []) {
    const of = figures.filter(({ json, place }) => source.rows.test(place) && source.of?.test(json) !== false);
    const asked = new URL(of[0]?.json ?? "", "http://page").searchParams;
    // A page of the last so many days names their number, one of a month names it.
    const [from, to] = [asked.get("from") ?? asked.get("days") ?? asked.get("month"), asked.get("to")];
    const stored = await ask(
      database,
      source.sql,
      source.sql.includes("$2") ? [from, to] : source.sql.includes("$1") ? [from] : [],
    );
    const names = Object.keys(stored[0] ?? {});
    const rows = new Map<string, Tuple>();
    for (const { json, place, value } of of) {
      const [prefix = ""] = source.rows.exec(place) ?? [];
      const field = place.slice(prefix.length);
      if (!names.includes(field)) continue;
      const row = rows.get(json + prefix) ?? {};
      rows.set(json + prefix, Object.assign(row, { [field]: value }));
    }
    // Another list of the same page has other fields.
    const shown = [...rows.values()].filter((row) => Object.keys(row).length === names.length);
    both.push({ name: source.name, shown, stored, isWhole: source.isWhole ?? false, isMade: source.isMade ?? false });
  }
  const tiles = [...page.matchAll(cards)];
  if (tiles.length > 0) {
    const shown = tiles.map(([, id = "", spend = "", cpc = "", cpm = ""]): Tuple => ({ id, spend, cpc, cpm }));
    both.push({
      name: ofCards.name,
      shown,
      stored: await ask(database, ofCards.sql, []),
      isWhole: false,
      isMade: false,
    });
  }
  return both;
}

async function ask(database: Queryable, sql: string, values: unknown[]): Promise<Tuple[]> {
  const { rows } = await database.query<Record<string, unknown>>(sql, values);
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? "" : String(value)])),
  );
}
