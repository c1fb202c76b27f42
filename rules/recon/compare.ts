export const metrics = ["views", "clicks", "conversions"] as const;
export type Metric = (typeof metrics)[number];
export type Level = "LOW" | "MEDIUM" | "HIGH";
export type Verdict = "MATCHED" | "DISCREPANCY" | "UNVERIFIABLE" | "POST_DELETED" | "POST_UNKNOWN";

export type Claimed = Record<Metric, bigint>;
/** Null is "cannot be known", never zero. */
export type Verified = Record<Metric, bigint | null>;

/** Overclaims as a share of the platform's number: below the first LOW, above the second HIGH, between them, both included, MEDIUM. */
export const levelPct = { mediumFrom: 5n, highAbove: 20n };

export interface Compared {
  /** Claimed less the platform's; null without a number of the platform's. */
  difference: bigint | null;
  /** Of the platform's number, half-up at two places; null where that is nothing or unknown. */
  diffPct: string | null;
  /** Null when the claim is not above the platform's number, or nothing is known. */
  level: Level | null;
}

export interface Comparison {
  verdict: "MATCHED" | "DISCREPANCY" | "UNVERIFIABLE";
  level: Level | null;
  worst: Metric | null;
  metrics: Record<Metric, Compared>;
}

/** The verdict on claimed against verified numbers: the worst metric decides. Whole numbers throughout, so that nothing hangs on how a percentage was rounded. */
export function compare(claimed: Claimed, verified: Verified): Comparison {
  const compared = Object.fromEntries(
    metrics.map((metric) => [metric, compareMetric(claimed[metric], verified[metric])]),
  ) as Record<Metric, Compared>;
  const known = metrics.filter((metric) => verified[metric] !== null);
  // Where only metrics are claimed that cannot be checked, a correct zero proves nothing.
  const checked = known.some((metric) => claimed[metric] > 0n) || metrics.every((metric) => claimed[metric] === 0n);
  if (known.length === 0 || !checked) return { verdict: "UNVERIFIABLE", level: null, worst: null, metrics: compared };
  const over = known.filter((metric) => compared[metric].level !== null);
  const [first, ...others] = over;
  if (first === undefined) return { verdict: "MATCHED", level: null, worst: null, metrics: compared };
  const worst = others.reduce((held, metric) => (isWorse(metric, held) ? metric : held), first);
  return { verdict: "DISCREPANCY", level: compared[worst].level, worst, metrics: compared };

  /** Exact, without dividing: of two that the platform has none of, the greater claim. */
  function isWorse(one: Metric, other: Metric): boolean {
    const [oneOver, otherOver] = [compared[one].difference ?? 0n, compared[other].difference ?? 0n];
    const [oneTotal, otherTotal] = [verified[one] ?? 0n, verified[other] ?? 0n];
    if (oneTotal === 0n && otherTotal === 0n) return oneOver > otherOver;
    return oneOver * otherTotal > otherOver * oneTotal;
  }
}

function compareMetric(claim: bigint, platform: bigint | null): Compared {
  if (platform === null) return { difference: null, diffPct: null, level: null };
  const difference = claim - platform;
  return { difference, diffPct: percentage(difference, platform), level: levelOf(difference, platform) };
}

export function levelOf(over: bigint, platform: bigint): Level | null {
  if (over <= 0n) return null;
  if (platform === 0n) return "HIGH";
  if (over * 100n < levelPct.mediumFrom * platform) return "LOW";
  return over * 100n <= levelPct.highAbove * platform ? "MEDIUM" : "HIGH";
}

/** Two places, a half away from zero. */
function percentage(difference: bigint, platform: bigint): string | null {
  if (platform === 0n) return difference === 0n ? "0.00" : null;
  const size = difference < 0n ? -difference : difference;
  const hundredths = (size * 20_000n + platform) / (2n * platform);
  const sign = difference < 0n && hundredths > 0n ? "-" : "";
  return `${sign}${hundredths / 100n}.${String(hundredths % 100n).padStart(2, "0")}`;
}

/** The verdict in words: the numbers compared, and what could not be. */
export function explain(
  comparison: Comparison,
  of: { platform: string; claimed: Claimed; verified: Verified; note: string | null },
): string {
  const { platform, claimed, verified, note } = of;
  const unknown = metrics.filter((metric) => verified[metric] === null && claimed[metric] > 0n);
  const why = note === null ? "" : ` (${note})`;
  const cannot = unknown.length === 0 ? "" : `${platform} does not report ${unknown.join(" and ")}${why}`;
  if (comparison.verdict === "UNVERIFIABLE")
    return cannot === ""
      ? `${platform} reports no numbers of this post${why}`
      : `${cannot}, so the claim cannot be checked`;
  const known = metrics.filter((metric) => verified[metric] !== null);
  const lines = known.map((metric) => {
    const { level, difference, diffPct } = comparison.metrics[metric];
    const numbers = `${metric} ${grouped(claimed[metric])} claimed, ${grouped(verified[metric] ?? 0n)} on ${platform}`;
    return level === null
      ? numbers
      : `${numbers}: ${shown(difference ?? 0n, verified[metric] ?? 0n, diffPct)} (${level})`;
  });
  return [...lines, ...(cannot === "" ? [] : [cannot])].join("; ");
}

/** A share that was decided on one side of a threshold is not shown as the threshold. */
function shown(over: bigint, platform: bigint, pct: string | null): string {
  if (pct === null) return "the platform reports 0";
  for (const threshold of Object.values(levelPct)) {
    if (pct !== `${threshold}.00` || over * 100n === threshold * platform) continue;
    return `a little ${over * 100n < threshold * platform ? "under" : "over"} ${threshold} % above`;
  }
  return `${shares.format(pct as `${number}`)} % above`;
}

const counts = new Intl.NumberFormat("en-US");
const shares = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2 });
/** With separators, exact however great: 9,431. */
const grouped = (count: bigint) => counts.format(count);
