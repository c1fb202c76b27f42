import { z } from "zod";
import { assertNever } from "../../core/assert-never.ts";
import {
  compare,
  explain,
  metrics,
  type Claimed,
  type Comparison,
  type Metric,
  type Verdict,
  type Verified,
} from "./compare.ts";
import type { Asked, UnifiedMetrics, Waits } from "./platform-answer.ts";

/** As Postgres writes them: some are too large for a JS number. */
type Counted = Record<Metric, string>;

export interface Judged {
  kind: "judged";
  verdict: Verdict;
  comparison: Comparison | null;
  reason: string;
  fetched: UnifiedMetrics | null;
}

/** What the platform's answer makes of a claim. */
export function judge({ platform, claimed }: { platform: string; claimed: Counted }, asked: Asked): Judged | Waits {
  if (asked.kind === "waits") return asked;
  const { answer, note } = asked;
  const remark = note === null ? "" : `; ${note}`;
  switch (answer.kind) {
    case "not_ready":
      return {
        kind: "waits",
        detail: null,
        retryAfterMs: answer.retryAfterMs,
        needsAPerson: false,
        error: null,
        reason: `${platform} has no numbers yet: ${answer.reason}`,
      };
    case "deleted":
      return withoutNumbers("POST_DELETED", `the post is gone: ${answer.reason}${remark}`);
    case "unknown_post":
      return unknownPost(answer.reason + remark);
    case "metrics": {
      const fetched = answer.metrics;
      const claim = claimedBy(claimed);
      const verified = verifiedBy(fetched);
      const comparison = compare(claim, verified);
      const said = z.object({ note: z.string() }).safeParse(fetched.raw).data?.note ?? null;
      const reason = explain(comparison, { platform, claimed: claim, verified, note: said }) + remark;
      return { kind: "judged", verdict: comparison.verdict, comparison, reason, fetched };
    }
    default:
      return assertNever(answer);
  }
}

export const unknownPost = (reason: string) => withoutNumbers("POST_UNKNOWN", `there is no such post: ${reason}`);

export const gaveUp = (platform: string, reason: string, days: number) =>
  withoutNumbers("UNVERIFIABLE", `nothing was heard of ${platform} in ${days} days: ${reason}`);

function withoutNumbers(verdict: Verdict, reason: string): Judged {
  return { kind: "judged", verdict, comparison: null, reason, fetched: null };
}

/** Null throughout where the platform reported nothing. */
export const verifiedBy = (fetched: UnifiedMetrics | null) =>
  Object.fromEntries(
    metrics.map((metric) => [metric, fetched === null || fetched[metric] === null ? null : BigInt(fetched[metric])]),
  ) as Verified;

export const claimedBy = (counts: Counted) =>
  Object.fromEntries(metrics.map((metric) => [metric, BigInt(counts[metric])])) as Claimed;
