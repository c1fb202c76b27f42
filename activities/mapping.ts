import type { Account } from "../core/config.ts";
import { raiseAlert, settleAlerts } from "../queries/alerts.ts";
import {
  hasAffiliates,
  readAcknowledged,
  readAlerted,
  readUnmappedSpend,
  readUnmatchedMapping,
  recordCurrency,
} from "../queries/mapping.ts";
import type { Queryable } from "../schema/database.ts";

const area = "mapping";

/** Opens an alert for each source whose spend reaches no affiliate, and closes it when it does. */
export async function watchMapping(
  database: Queryable,
  of: { client: string; accounts: ReadonlyMap<string, Pick<Account, "settings">> },
): Promise<void> {
  const { client } = of;
  const currency = of.accounts.get(`redtrack/${client}`)?.settings["REDTRACK_CURRENCY"];
  if (currency !== undefined) await recordCurrency(database, { client, vendor: "redtrack", currency });

  const unmapped = (await readUnmappedSpend(database, { client })).map((source) => ({
    subject: source.sourceId,
    message: `Redtrack source "${source.sourceName ?? source.sourceId}" (${source.sourceId}) has spent ${source.cost} ${source.currency} from ${source.firstDay} to ${source.lastDay} and is mapped to no affiliate: add it to internal-affiliates.csv and run npm run mapping -- load`,
    details: { ...source },
  }));
  await bringUpToDate(database, { client, kind: "unmapped_spend", findings: unmapped, notes: "mapped" });

  // Before Everflow's first day every label would be unknown.
  if (!(await hasAffiliates(database, { client }))) return;
  const unmatched = (await readUnmatchedMapping(database, { client })).filter((row) => row.cost !== null);
  const findings = unmatched.map((row) => ({
    subject: row.label,
    message:
      row.matchedBy === "ambiguous"
        ? `${row.candidates.length} Everflow affiliates have the label "${row.label}" (${row.candidates.join(", ")}): say which in the mapping, by its id`
        : `the mapping names an affiliate "${row.label}" that Everflow does not know: its spend stands alone`,
    details: { ...row },
  }));
  await bringUpToDate(database, { client, kind: "unmatched_affiliate", findings, notes: "matched" });
}

async function bringUpToDate(
  database: Queryable,
  state: {
    client: string;
    kind: string;
    findings: { subject: string; message: string; details: Record<string, unknown> }[];
    notes: string;
  },
): Promise<void> {
  const { client, kind, findings, notes } = state;
  const acknowledged = await readAcknowledged(database, { client, kind });
  for (const finding of findings) {
    if (acknowledged.has(finding.subject)) continue;
    await raiseAlert(database, { client, area, kind, severity: "warning", ...finding });
  }
  const found = new Set(findings.map((finding) => finding.subject));
  for (const subject of await readAlerted(database, { client, kind })) {
    if (!found.has(subject)) await settleAlerts(database, { client, area, kinds: [kind], subject, notes });
  }
}
