import type { GeographicPattern, MatrixCell } from "../../rules/intelligence/geographic-patterns.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import type { WindowOf } from "./opportunity-cells.ts";

/** What a search found takes the place of what the one before it found. */
export async function saveGeographic(
  session: Session,
  { client, from, to }: WindowOf,
  { matrix, patterns }: { matrix: readonly MatrixCell[]; patterns: readonly GeographicPattern[] },
): Promise<void> {
  for (const table of ["rtb.geographic_cells", "rtb.geographic_patterns"])
    await session.query(`delete from ${table} where _client_id = $1`, [client]);
  await session.query(
    `insert into rtb.geographic_cells (_client_id, genre, geography, campaigns, clicks, spend, impressions, is_enough, window_from, window_to)
     select $1, g.genre, g.geography, g.campaigns, g.clicks, g.spend, g.impressions, g."isEnough", $2, $3
       from jsonb_to_recordset($4) as g(genre text, geography text, campaigns int, clicks bigint, spend numeric, impressions bigint, "isEnough" boolean)`,
    [client, from, to, JSON.stringify(matrix)],
  );
  await session.query(
    `insert into rtb.geographic_patterns (_client_id, genre, dear, cheap, ratio, others_ratio, factor, low, high, confidence, campaigns, other_genres, spend_weekly, savings_weekly, window_from, window_to)
     select $1, g.genre, g.dear, g.cheap, g.ratio, g."othersRatio", g.factor, g.low, g.high, g.confidence, g.campaigns, g."otherGenres", g."spendWeekly", g."savingsWeekly", $2, $3
       from jsonb_to_recordset($4) as g(genre text, dear text, cheap text, ratio float8, "othersRatio" float8, factor float8, low float8, high float8, confidence float8,
            campaigns bigint[], "otherGenres" text[], "spendWeekly" numeric, "savingsWeekly" numeric)`,
    [client, from, to, JSON.stringify(patterns)],
  );
}

export interface GeographicRow extends MatrixCell {
  /** Per click, four places; null without clicks. */
  cpc: string | null;
  windowFrom: string;
  windowTo: string;
}

/** The genre that most is spent on comes first, and of each the country. */
export async function readMatrix(database: Queryable, of: { client: string }): Promise<GeographicRow[]> {
  const { rows } = await database.query<GeographicRow>(
    `select genre, geography, campaigns, clicks, round(spend, 2) as spend, impressions, is_enough as "isEnough", round(spend / nullif(clicks, 0), 4) as cpc,
            window_from as "windowFrom", window_to as "windowTo"
       from rtb.geographic_cells where _client_id = $1
      order by sum(spend) over (partition by genre) desc, genre, rtb.geographic_cells.spend desc, geography`,
    [of.client],
  );
  return rows;
}

/** The greatest savings first. */
export async function readPatterns(database: Queryable, of: { client: string }): Promise<GeographicPattern[]> {
  const { rows } = await database.query<GeographicPattern>(
    `select genre, dear, cheap, ratio, others_ratio as "othersRatio", factor, low, high, confidence, to_json(campaigns) as campaigns, other_genres as "otherGenres",
            spend_weekly as "spendWeekly", savings_weekly as "savingsWeekly"
       from rtb.geographic_patterns where _client_id = $1 order by savings_weekly desc, genre, dear, cheap`,
    [of.client],
  );
  return rows;
}
