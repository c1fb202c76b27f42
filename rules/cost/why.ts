import { fromMicros, toMicros } from "../../core/money.ts";
import { groupBy } from "../../core/group-by.ts";
import { firstOfThree, firstOfTwo, secondOfThree, shareOut } from "./factors.ts";

export const explained = ["cpa", "cost", "conversions", "revenue", "margin"] as const;
export type Explained = (typeof explained)[number];

/** What a change is made of, in the order in which it is told. */
export const partNames = ["restatement", "lateness", "mix", "price", "rate"] as const;
export type PartName = (typeof partNames)[number];

export const sideNames = ["clicks", "conversions", "costed", "cost", "revenue", "costedRevenue"] as const;
/** In millionths. Costed: of days whose cost is known. */
export type Side = Record<(typeof sideNames)[number], bigint>;

/**
 * What the figures of both ends are made of. `flow`: a leaf over the days that both ends have whole, as they were first read
 * whole; restatement and lateness: a day of one end. All rows together are both ends.
 */
export interface ChangeRow {
  part: "flow" | "restatement" | "lateness";
  date: string | null;
  /** Of a day: of which end. */
  isOfAfter: boolean | null;
  affiliateId: string | null;
  affiliate: string | null;
  /** What is paid for: clicks of a source, conversions of an offer; `results`: of an affiliate whose cost is its spend. */
  basis: "spend" | "source" | "payout" | "results" | null;
  leaf: string | null;
  leafName: string | null;
  before: Side;
  after: Side;
}

/** A row's share of a part, with what it was and became. */
export interface Share {
  amount: string;
  date: string | null;
  isOfAfter: boolean | null;
  affiliateId: string | null;
  affiliate: string | null;
  basis: ChangeRow["basis"];
  leaf: string | null;
  leafName: string | null;
  before: ShownSide;
  after: ShownSide;
}

/** Decimal text. */
type ShownSide = Record<"clicks" | "conversions" | "cost" | "revenue", string>;

export interface Part {
  part: PartName;
  amount: string;
  /** The greatest first; together the part. */
  shares: Share[];
}

/** In millionths: cost, conversions, revenue. */
interface Amounts {
  cost: bigint;
  conversions: bigint;
  revenue: bigint;
}

/**
 * Splits a change into its parts. Each row's cost, conversions and revenue are split exactly (`factors.ts`), and each part of
 * them is a part of the figure: a cost raises the CPA by the conversions that share it, a conversion lowers it by what one
 * costs, both taken half way between the ends. That is no approximation: the shares add up to the change of the ratio. They
 * are rounded last, so that the sum is `change`: of the figures as they are shown. Neither CPA of `ends` may be missing.
 */
export function splitChange(metric: Explained, rows: readonly ChangeRow[], change: string): Part[] {
  const weigh = weightsOf(metric, rows);
  const unit = metric === "conversions" ? 1_000_000n : 10_000n;
  const contributions = rows.flatMap((row) => splitRow(metric, row)).map((of) => ({ ...of, share: weigh(of.amounts) }));
  const groups = partNames.map((part) => contributions.filter((one) => one.part === part));
  const sums = groups.map((group) => group.reduce((sum, { share }) => sum + share, 0n));
  const amounts = shareOut(sums, weigh.scale * unit, toMicros(change) / unit);
  return partNames.map((part, index) => {
    const whole = amounts[index] ?? 0n;
    const merged = mergeAlike(part, groups[index] ?? []);
    const cents = shareOut(
      merged.map(({ share }) => share),
      weigh.scale * unit,
      whole,
    );
    const shares = merged
      .map(({ row }, place) => ({ row, cents: cents[place] ?? 0n }))
      .filter(({ cents: of }) => of !== 0n);
    return {
      part,
      amount: textOf(whole * unit, metric),
      shares: shares.sort(greatestFirst).map(({ row, cents: of }) => shareOf(row, textOf(of * unit, metric))),
    };
  });
}

interface Contribution {
  part: PartName;
  row: ChangeRow;
  amounts: Amounts;
  share: bigint;
}

/** A row's change, by what it comes from. */
function splitRow(metric: Explained, row: ChangeRow): Omit<Contribution, "share">[] {
  const [before, after] = [countsOf(metric, row.before), countsOf(metric, row.after)];
  const all = {
    cost: after.cost - before.cost,
    conversions: after.conversions - before.conversions,
    revenue: after.revenue - before.revenue,
  };
  if (row.part !== "flow") return [{ part: row.part, row, amounts: all }];
  const clicks = [before.clicks, after.clicks] as const;
  const conversions = [before.conversions, after.conversions] as const;
  const [cost, revenue] = [[before.cost, after.cost] as const, [before.revenue, after.revenue] as const];
  const isPerClick = row.basis === "spend" || row.basis === "source";
  const mix = {
    cost: isPerClick ? firstOfTwo(clicks, cost) : firstOfThree(clicks, conversions, cost),
    conversions: firstOfTwo(clicks, conversions),
    revenue: firstOfThree(clicks, conversions, revenue),
  };
  const rate = {
    cost: isPerClick ? 0n : secondOfThree(clicks, conversions, cost),
    conversions: all.conversions - mix.conversions,
    revenue: secondOfThree(clicks, conversions, revenue),
  };
  const price = {
    cost: all.cost - mix.cost - rate.cost,
    conversions: 0n,
    revenue: all.revenue - mix.revenue - rate.revenue,
  };
  return [
    { part: "mix", row, amounts: mix },
    { part: "price", row, amounts: price },
    { part: "rate", row, amounts: rate },
  ];
}

const countsOf = (metric: Explained, side: Side) => {
  const isCosted = metric === "cpa" || metric === "margin";
  return {
    clicks: side.clicks,
    conversions: isCosted ? side.costed : side.conversions,
    cost: side.cost,
    revenue: isCosted ? side.costedRevenue : side.revenue,
  };
};

/** What cost, conversions and revenue do to the figure, as whole numbers of a `scale`th of a millionth. */
function weightsOf(metric: Explained, rows: readonly ChangeRow[]): ((of: Amounts) => bigint) & { scale: bigint } {
  const weights = (scale: bigint, weigh: (of: Amounts) => bigint) => Object.assign(weigh, { scale });
  if (metric === "cost") return weights(1n, ({ cost }) => cost);
  if (metric === "conversions") return weights(1n, ({ conversions }) => conversions);
  if (metric === "revenue") return weights(1n, ({ revenue }) => revenue);
  if (metric === "margin") return weights(1n, ({ revenue, cost }) => revenue - cost);
  const sum = (side: "before" | "after", name: "cost" | "conversions") =>
    rows.reduce((total, row) => total + countsOf(metric, row[side])[name], 0n);
  const [c0, c1] = [sum("before", "cost"), sum("after", "cost")];
  const [n0, n1] = [sum("before", "conversions"), sum("after", "conversions")];
  if (n0 === 0n || n1 === 0n) throw new RangeError("a cost per acquisition without conversions");
  const millionth = 1_000_000n;
  // Half way there would be no conversion at all: from the first end on.
  if (n0 + n1 === 0n) return positive(n0 * n1, (of) => millionth * (of.cost * n0 - c0 * of.conversions), weights);
  return positive(
    (n0 + n1) * n0 * n1,
    (of) => millionth * (2n * of.cost * n0 * n1 - (c1 * n0 + c0 * n1) * of.conversions),
    weights,
  );
}

function positive<Made>(
  scale: bigint,
  weigh: (of: Amounts) => bigint,
  make: (scale: bigint, weigh: (of: Amounts) => bigint) => Made,
): Made {
  return scale > 0n ? make(scale, weigh) : make(-scale, (of) => -weigh(of));
}

/** What grew is said per affiliate, with its results: where there is one alone, per source and offer. */
function mergeAlike(part: PartName, contributions: readonly Contribution[]): { row: ChangeRow; share: bigint }[] {
  const affiliates = new Set(contributions.map(({ row }) => row.affiliateId ?? row.affiliate));
  if (part !== "mix" || affiliates.size < 2) return contributions.filter(({ share }) => share !== 0n);
  const alike = groupBy(contributions, ({ row }) =>
    JSON.stringify([row.affiliateId, row.affiliateId === null ? row.affiliate : null]),
  );
  return [...alike.values()].map((group) => ({
    row: group.map(({ row }) => row).reduce(addRows),
    share: group.reduce((sum, { share }) => sum + share, 0n),
  }));
}

function addRows(one: ChangeRow, other: ChangeRow): ChangeRow {
  // The clicks that results are counted by are those of the sources.
  const clicksOf = (row: ChangeRow, side: "before" | "after") => (row.basis === "results" ? 0n : row[side].clicks);
  const add = (side: "before" | "after"): Side => ({
    clicks: clicksOf(one, side) + clicksOf(other, side),
    conversions: one[side].conversions + other[side].conversions,
    costed: one[side].costed + other[side].costed,
    cost: one[side].cost + other[side].cost,
    revenue: one[side].revenue + other[side].revenue,
    costedRevenue: one[side].costedRevenue + other[side].costedRevenue,
  });
  return { ...one, basis: null, leaf: null, leafName: null, before: add("before"), after: add("after") };
}

const size = (amount: bigint) => (amount < 0n ? -amount : amount);

function greatestFirst(one: { row: ChangeRow; cents: bigint }, other: { row: ChangeRow; cents: bigint }): number {
  const difference = size(other.cents) - size(one.cents);
  if (difference !== 0n) return difference > 0n ? 1 : -1;
  return keyOf(one.row) < keyOf(other.row) ? -1 : 1;
}

const keyOf = ({ date, isOfAfter, affiliateId, affiliate, basis, leaf }: ChangeRow) =>
  JSON.stringify([date, isOfAfter, affiliate, affiliateId, basis, leaf]);

function shareOf({ part: _part, before, after, ...row }: ChangeRow, amount: string): Share {
  const shown = ({ clicks, conversions, cost, revenue }: Side): ShownSide => ({
    clicks: fromMicros(clicks),
    conversions: fromMicros(conversions),
    cost: fromMicros(cost),
    revenue: fromMicros(revenue),
  });
  return { amount, ...row, before: shown(before), after: shown(after) };
}

/** Money to the cent, conversions whole. */
function textOf(micros: bigint, metric: Explained): string {
  const text = fromMicros(micros);
  if (metric === "conversions") return text;
  const [whole = "0", fraction = ""] = text.split(".");
  return `${whole}.${fraction.padEnd(2, "0")}`;
}
