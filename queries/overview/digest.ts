import { addDays } from "../../core/days.ts";
import type { Digest } from "../../rules/overview/digest.ts";
import type { Queryable } from "../../schema/database.ts";
import { readCpaTotals, readReliability } from "../cost/cpa.ts";
import { readAlerts } from "../ops/alerts.ts";
import { readRestated } from "./restated.ts";

const lookBackDays = 7;
const nightHours = 24;

/** The figures of a morning, by the functions that the pages show them with. */
export async function readDigest(
  database: Queryable,
  { client, day, now }: { client: string; day: string; now: Date },
): Promise<Digest> {
  const of = addDays(day, -1);
  const dayBefore = addDays(day, -2);
  const since = new Date(now.getTime() - nightHours * 3_600_000);
  const [totals, before, restated, reliability, alerts] = await Promise.all([
    readCpaTotals(database, { client, from: of, to: of }),
    readCpaTotals(database, { client, from: dayBefore, to: dayBefore }),
    readRestated(database, { client, since, limit: 100 }),
    readReliability(database, { client, from: addDays(day, -lookBackDays), to: of }),
    readAlerts(database, { client, open: true, limit: 100 }),
  ]);
  const rank = (severity: string) => ["critical", "warning", "info"].indexOf(severity);
  return {
    ...{ client, day, of, totals, before, restated },
    late: reliability
      .map(({ source, provisional, failed, missing }) => ({
        source,
        days: [...provisional, ...failed, ...missing].sort(),
      }))
      .filter(({ days }) => days.length > 0),
    alerts: alerts.sort((one, other) => rank(one.severity) - rank(other.severity)),
  };
}
