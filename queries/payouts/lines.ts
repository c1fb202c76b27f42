import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { firstDay, lineColumns, lineOrder, type LineRow } from "./shapes.ts";

/** After which line a page of lines begins. */
export interface LinePlace {
  rank: number;
  date: string;
  key: string;
  currency: string;
}

export interface LinesAsked {
  client: string;
  /** Of a closed statement, or of one that is not closed. */
  of: { statementId: number } | { month: string; affiliateId: string };
  kind: LineRow["kind"] | null;
  /** Only those of which something is held. */
  heldOnly: boolean;
  after: LinePlace | null;
  limit: number;
}

export type PlacedLine = LineRow & { place: LinePlace };

const rank = "case l.kind when 'conversion' then 1 when 'correction' then 2 else 3 end";

/** Lines in the order of the statement. */
export async function readLines(database: Queryable, asked: LinesAsked): Promise<PlacedLine[]> {
  const { client, of, kind, heldOnly, after, limit } = asked;
  const [from, values] =
    "statementId" in of
      ? [
          "(select * from payouts.statement_lines where _client_id = :client and statement_id = :statementId) l",
          { statementId: of.statementId },
        ]
      : [
          "payouts.draft(:client, :month, :affiliateId, false) l",
          { month: firstDay(of.month), affiliateId: of.affiliateId },
        ];
  const { rank: afterRank = 0, date = "0001-01-01", key = "", currency = "" } = after ?? {};
  const { rows } = await database.query<LineRow & { rank: number }>(
    named(
      `select ${lineColumns}, ${rank} as rank from ${from}
        where (:kind::text is null or l.kind = :kind) and (not :heldOnly or l.held <> 0)
          and (${rank}, l.date, l.key, coalesce(l.currency, '')) > (:afterRank, :date::date, :key, :currency)
        order by ${lineOrder} limit :limit`,
      { client, kind, heldOnly, limit, afterRank, date, key, currency, ...values },
    ),
  );
  return rows.map(({ rank: at, ...row }) => ({
    ...row,
    place: { rank: at, date: row.date, key: row.key, currency: row.currency ?? "" },
  }));
}
