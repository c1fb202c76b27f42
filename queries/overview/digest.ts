import type { Digest } from "../../rules/overview/digest.ts";
import type { Queryable } from "../../schema/database.ts";
import { addDays } from "../../core/days.ts";
import { readOutlook } from "../cost/outlook.ts";
import { explainChanges } from "../cost/why.ts";
import { readNews } from "../findings/findings.ts";
import { sumTieOutDays } from "../findings/tie-out.ts";
import { readAlerts } from "../ops/alerts.ts";
import { readOverview } from "./overview.ts";

const nightHours = 24;
const mostAlerts = 100;

/** The figures of a morning, by the functions that the page Today shows them with. */
export async function readDigest(
  database: Queryable,
  { client, day, timezone, now }: { client: string; day: string; timezone: string; now: Date },
): Promise<Digest> {
  const since = new Date(now.getTime() - nightHours * 3_600_000);
  const weekOf = (last: string) => ({ from: addDays(last, -6), to: last });
  const yesterday = addDays(day, -1);
  const [overview, week, ends, alerts, findings, tieOut] = await Promise.all([
    readOverview(database, { client, today: day, timezone, now, since, period: "yesterday" }),
    explainChanges(database, { client, ...weekOf(yesterday), before: weekOf(addDays(day, -8)) }, ["cpa"]),
    readOutlook(database, { client, today: day, days: [yesterday] }),
    readAlerts(database, { client, open: true, limit: mostAlerts }),
    readNews(database, { client, since }),
    sumTieOutDays(database, { client, ...weekOf(yesterday), affiliate: null }),
  ]);
  const whole = overview.periods.find(({ name }) => name === "yesterday");
  const rank = (severity: string) => ["critical", "warning", "info"].indexOf(severity);
  return {
    client,
    day,
    of: whole?.to ?? day,
    isFinal: whole?.isFinal ?? false,
    totals: whole?.totals ?? [],
    week: week.map(({ currency, origin, after, change, parts }) => ({
      ...{ currency, origin, after, change },
      parts: parts.map(({ part, amount }) => ({ part, amount })),
    })),
    outlook: ends.filter(({ metric }) => metric === "cpa"),
    restated: overview.restated,
    late: overview.open
      .map(({ source, mapping, late, touches, provisional, partial, failed, missing }) => ({
        source: mapping === null ? source : `files read as ${mapping}`,
        late,
        touches,
        // Today is not over, and so never final.
        days: [...provisional, ...partial, ...failed, ...missing].filter((open) => open < day).sort(),
      }))
      .filter(({ late, days }) => late !== null || days.length > 0),
    findings,
    tieOut: tieOut.map(({ origin, missingInRedtrack, missingInAnytrack, missingInEverflow, amountDiffers }) => ({
      ...{ origin, missingInRedtrack, missingInAnytrack, missingInEverflow, amountDiffers },
    })),
    alerts: alerts.sort((one, other) => rank(one.severity) - rank(other.severity)),
  };
}
