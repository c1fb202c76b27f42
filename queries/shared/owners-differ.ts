import { cents } from "../../core/money.ts";

/** A day of ad performance, and the feed that owns it. */
export interface OwnersDay {
  client: string;
  source: string;
  day: string;
}

/** Rows of a day that others have brought and its owner does not confirm. Nothing of either was changed. */
export class OwnersDiffer extends Error {
  constructor(
    readonly of: OwnersDay,
    readonly found: { rows: number; files: number[]; before: string; after: string },
  ) {
    const { client, source, day } = of;
    const { rows, files, before, after } = found;
    super(
      `${source} ${day}: ${rows} ${rows === 1 ? "row" : "rows"} of file ${files.join(", ")} say something else than the warehouse, which owns the day; spend is ${cents(before)} now and would be ${cents(after)}. Nothing was written. If the warehouse is right: npm run backfill -- --source ${source} --from ${day} --to ${day} --client ${client} --accept-empty`,
    );
    this.name = "OwnersDiffer";
  }
}
