/** What a merge came to, in rows. */
export interface Merged {
  inserted: number;
  updated: number;
  unchanged: number;
}

/** What the sandbox or a demo made up ($3) never replaces what is not. */
export const mayReplace = (stored: string) => `($3 = 'real' or ${stored}.origin = 'sandbox')`;

/** A made-up row that is real from now on. */
export const isMadeUp = (stored: string) => `($3 = 'real' and ${stored}.origin = 'sandbox')`;
