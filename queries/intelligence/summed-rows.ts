/** Sums that the column store has made, column by column, for Postgres to join creatives and campaigns to. */
export interface SummedRows {
  creatives: string[];
  own: (string | null)[];
  dates: string[];
  isOwn: boolean[];
  isOther: boolean[];
  impressions: string[];
  clicks: string[];
  spend: string[];
  /** Days that are still to be read from Postgres. */
  unmirrored: string[];
}
