/** What a merge came to, in rows. */
export interface Merged {
  inserted: number;
  updated: number;
  unchanged: number;
}
