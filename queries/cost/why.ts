import type { Queryable } from "../../schema/database.ts";
import { cents, divideMoney, fromMicros, subtractMoney, toMicros } from "../../core/money.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import { sideNames, splitChange, type ChangeRow, type Explained, type Part, type Side } from "../../rules/cost/why.ts";

interface Days {
  from: string;
  to: string;
}

/** Whose figures: all of a client's, or those of one affiliate (without an id: by its name), Redtrack source or Redtrack campaign. */
export interface Whose {
  affiliateId?: string | undefined;
  affiliate?: string | undefined;
  sourceId?: string | undefined;
  campaignId?: string | undefined;
}

/** A period against another, as both are known now; or one against itself, as it was known at an earlier moment. */
export interface AskedChange extends Days, Whose {
  client: string;
  before: Days;
  /** Two looks at one period: the earlier, and the later where that is not now. */
  seenBefore?: Date | undefined;
  seen?: Date | undefined;
}

export interface ExplainedChange {
  metric: Explained;
  currency: string;
  origin: StoredOrigin;
  /** As the figures are shown elsewhere: money to the cent, conversions whole; null where it is not known. */
  before: string | null;
  after: string | null;
  change: string | null;
  /** Why there is no change to explain. */
  note: string | null;
  parts: Part[];
}

type Row = ChangeRow & {
  currency: string;
  origin: StoredOrigin;
  /** How many rows know a cost, results, their revenue, and one whose cost is known: none is no zero. */
  knownBefore: Known;
  knownAfter: Known;
};
interface Known {
  costs: number;
  results: number;
  revenues: number;
  costed: number;
}

/** What figures changed by, and why: for each metric one answer per currency, and one more for what the sandbox made up. */
export async function explainChanges(
  database: Queryable,
  asked: AskedChange,
  metrics: readonly Explained[],
): Promise<ExplainedChange[]> {
  const rows = await readRows(database, asked);
  const keys = keysOf(rows);
  const across = new Set(keys.length > 1 ? await readAcross(database, asked) : []);
  return metrics.flatMap((metric) =>
    keys.map((key) =>
      explain(
        metric,
        rows.filter((row) => keyOf(row) === key),
        (side) => across.has(`${side} ${key}`),
      ),
    ),
  );
}

const keyOf = ({ currency, origin }: { currency: string; origin: string }) =>
  `${origin === "sandbox" ? "sandbox" : "real"} ${currency}`;

/** Real figures first, the currency with the greatest cost before the others: as totals are listed. */
function keysOf(rows: readonly Row[]): string[] {
  const costOf = (key: string) => rows.reduce((sum, row) => (keyOf(row) === key ? sum + row.after.cost : sum), 0n);
  return [...new Set(rows.map(keyOf))].sort(
    (one, other) =>
      Number(one.startsWith("sandbox")) - Number(other.startsWith("sandbox")) ||
      Number(costOf(other) - costOf(one)) ||
      (one < other ? -1 : 1),
  );
}

const sides = ["before", "after"] as const;
type SideName = (typeof sides)[number];

function explain(metric: Explained, rows: readonly Row[], hasAcross: (side: SideName) => boolean): ExplainedChange {
  const isAcross = (side: SideName) => (metric === "cpa" || metric === "margin") && hasAcross(side);
  const [before = null, after = null] = sides.map((side) => (isAcross(side) ? null : figureOf(metric, rows, side)));
  const difference = before === null || after === null ? null : subtractMoney(after, before);
  const change = difference === null || metric === "conversions" ? difference : shown(difference);
  return {
    metric,
    currency: rows[0]?.currency ?? "",
    origin: rows.find(({ origin }) => origin !== "real")?.origin ?? "real",
    before,
    after,
    change,
    note: change === null ? noteOf(metric, sides.some(isAcross), before === null) : null,
    parts: change === null ? [] : splitChange(metric, rows, change),
  };
}

function noteOf(metric: Explained, isAcross: boolean, isBefore: boolean): string {
  if (isAcross) return "spend and results are in several currencies";
  const when = isBefore ? "before" : "now";
  return metric === "cpa"
    ? `there is no cost per acquisition ${when}: no cost is known, or there are no conversions`
    : `nothing is known of it ${when}`;
}

/** One end, as the queries of the figures give it: a test holds it to them. */
function figureOf(metric: Explained, rows: readonly Row[], side: SideName): string | null {
  const of = side === "before" ? "knownBefore" : "knownAfter";
  const isKnown = (name: keyof Known) => rows.reduce((sum, row) => sum + row[of][name], 0) > 0;
  const sum = (name: keyof Side) => fromMicros(rows.reduce((total, row) => total + row[side][name], 0n));
  switch (metric) {
    case "cost":
      return isKnown("costs") ? shown(sum("cost")) : null;
    case "conversions":
      return isKnown("results") ? sum("conversions") : null;
    case "revenue":
      return isKnown("revenues") ? shown(sum("revenue")) : null;
    case "margin":
      return isKnown("costs") && isKnown("costed") ? shown(subtractMoney(sum("costedRevenue"), sum("cost"))) : null;
    case "cpa": {
      const conversions = Number(sum("costed"));
      return isKnown("costs") && conversions !== 0 ? positiveZero(divideMoney(sum("cost"), conversions)) : null;
    }
  }
}

const positiveZero = (text: string) => (text === "-0.00" ? "0.00" : text);
const shown = (amount: string) => positiveZero(cents(amount));

const sideOf = (side: SideName) =>
  `json_build_object('clicks', clicks_${side}::text, 'conversions', conversions_${side}::text, 'costed', costed_${side}::text, 'cost', cost_${side}::text,
                     'revenue', revenue_${side}::text, 'costedRevenue', costed_revenue_${side}::text) as "${side}"`;
const knownOf = (side: SideName, name: string) =>
  `json_build_object('costs', costs_${side}, 'results', results_${side}, 'revenues', revenues_${side}, 'costed', costed_results_${side}) as "${name}"`;

async function readRows(database: Queryable, asked: AskedChange): Promise<Row[]> {
  const { client, from, to, before, seenBefore, seen, affiliateId, affiliate, sourceId, campaignId } = asked;
  const { rows } = await database.query<Omit<Row, "before" | "after"> & Record<SideName, Record<keyof Side, string>>>(
    `select currency, origin, part, date, is_of_after as "isOfAfter", affiliate_id as "affiliateId", affiliate, basis, leaf, leaf_name as "leafName",
            ${sideOf("before")}, ${sideOf("after")}, ${knownOf("before", "knownBefore")}, ${knownOf("after", "knownAfter")}
       from public.cost_change_rows($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      ...[client, from, to, before.from, before.to, seenBefore ?? null, seen ?? null],
      ...[affiliateId ?? null, affiliateId === undefined ? (affiliate ?? null) : null],
      ...[sourceId ?? null, campaignId ?? null],
    ],
  );
  return rows.map((row) => ({ ...row, before: inMicros(row.before), after: inMicros(row.after) }));
}

/** Once for all figures: reading the digits takes longer than the sums. */
const inMicros = (side: Record<keyof Side, string>) =>
  Object.fromEntries(sideNames.map((name) => [name, toMicros(side[name])])) as Side;

/**
 * The currencies whose ratios an affiliate with spend and results in several of them spoils, in one of the ranges. An earlier
 * look is taken as the range is now: that an affiliate changes its currency is no news of a night.
 */
async function readAcross(database: Queryable, asked: AskedChange): Promise<string[]> {
  const { client, from, to, before, affiliateId, affiliate, sourceId, campaignId } = asked;
  if (sourceId !== undefined || campaignId !== undefined) return [];
  const { rows } = await database.query<{ side: SideName; currency: string; origin: string }>(
    `select distinct r.side, a.currency, a.origin from unnest(array['after', 'before'], $2::date[], $3::date[]) r(side, first, last)
      cross join lateral public.cpa_by_affiliate(r.first, r.last, $1) a
      where a.across_currencies and ($4::text is null or a.affiliate_id = $4) and ($5::text is null or (a.affiliate_id is null and a.affiliate = $5))`,
    [
      client,
      [from, before.from],
      [to, before.to],
      affiliateId ?? null,
      affiliateId === undefined ? (affiliate ?? null) : null,
    ],
  );
  return rows.map((row) => `${row.side} ${keyOf(row)}`);
}
