import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { readConversionDifferences, type ConversionDifference } from "../../queries/conversions/everflow.ts";
import type { Database } from "../../schema/database.ts";

const named = 5;

/** What a merged day of Everflow shows beside its other feed. Looked at after the commit: of two feeds that are compared, the later one sees both. */
export async function lookForFindings(
  database: Database,
  { client, day }: { client: string; day: string },
): Promise<void> {
  const differences = await readConversionDifferences(database, { client, day });
  if (differences === null) return;
  const subject = { client, area: "sync", subject: `everflow/${day}` };
  if (differences.length === 0) {
    await settleAlerts(database, {
      ...subject,
      kinds: ["conversions_disagree"],
      notes: "the conversions add up to the statistics",
    });
    return;
  }
  const more = differences.length > named ? `; and ${differences.length - named} more` : "";
  await raiseAlert(database, {
    ...subject,
    kind: "conversions_disagree",
    severity: "warning",
    message: `everflow ${day}: conversions and daily statistics disagree for ${differences.slice(0, named).map(describe).join("; ")}${more}. All of them: everflow.conversion_differences`,
    details: { day, differences: differences.slice(0, 50) },
  });
}

function describe(difference: ConversionDifference): string {
  const { affiliateId, affiliateName, currency } = difference;
  const pairs = [
    ["conversions", difference.statsConversions, difference.rawConversions],
    ["events", difference.statsEvents, difference.rawEvents],
    [`payout ${currency}`, difference.statsPayout, difference.rawPayout],
    [`revenue ${currency}`, difference.statsRevenue, difference.rawRevenue],
  ] as const;
  const apart = pairs
    .filter(([, stats, raw]) => stats !== raw)
    .map(([what, stats, raw]) => `${what} ${stats} by the statistics, ${raw} by the conversions`);
  return `${affiliateName ?? "affiliate"} (${affiliateId}): ${apart.join(", ")}`;
}
