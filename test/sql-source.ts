import { walked } from "./page-addresses.ts";

/** Figures of a page beside the table or view that they come from. */
export interface Source {
  name: string;
  /** Where a row of these figures stands in the answer: the rest of the place is the field. */
  rows: RegExp;
  /** Which of the page's JSON routes, where another has the same fields. */
  of?: RegExp;
  /** As an analyst would ask it; its columns are named as the fields. `$1` to `$2` are the days of the page, or `$1` their number or the month. */
  sql: string;
  /** The page shows all of them. */
  isWhole?: boolean;
  /** The demo has none: a test of the page makes some. */
  isMade?: boolean;
}

/** Rows of a list. */
export const items = /^items\.(\d+)\./;
export const client = "_client_id = '713'";
export const today = "(now() at time zone 'America/New_York')::date";

/** What the walk opens the page with. */
export const walkedId = (route: string, name = "id") => `(${walked[route]?.fill?.[name] ?? ""})`;
