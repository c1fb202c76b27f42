import type { Account } from "../../settings/config.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import {
  hasAffiliates,
  matchLabels,
  readAcknowledged,
  readAlerted,
  readUnmappedSpend,
  readUnmatchedMapping,
  recordCurrency,
  type UnmappedSource,
  type UnmatchedMapping,
} from "../../queries/cost/affiliate-mapping.ts";
import type { Queryable } from "../../schema/database.ts";

const area = "mapping";
/** More than these are counted in the message and listed in the details. */
const mostNamed = 5;

/** Opens an alert for spend that reaches no affiliate, and closes it when all of it does. */
export async function watchMapping(
  database: Queryable,
  of: { client: string; accounts: ReadonlyMap<string, Pick<Account, "settings">> },
): Promise<void> {
  const { client } = of;
  const currency = of.accounts.get(`redtrack/${client}`)?.settings["REDTRACK_CURRENCY"];
  if (currency !== undefined) await recordCurrency(database, { client, vendor: "redtrack", currency });

  await matchLabels(database, { client });
  const unmapped = await readUnmappedSpend(database, { client });
  await bringUpToDate(database, {
    client,
    kind: "unmapped_spend",
    subject: "redtrack",
    found: unmapped.map((source) => ({ name: source.sourceId, finding: source })),
    describe: describeUnmapped,
    notes: "mapped",
  });

  // Before Everflow's first day every label would be unknown.
  if (!(await hasAffiliates(database, { client }))) return;
  const unmatched = (await readUnmatchedMapping(database, { client })).filter((row) => row.cost !== null);
  await bringUpToDate(database, {
    client,
    kind: "unmatched_affiliate",
    subject: "everflow",
    found: unmatched.map((row) => ({ name: row.label, finding: row })),
    describe: describeUnmatched,
    notes: "matched",
  });
}

function describeUnmapped(sources: UnmappedSource[]): string {
  const shown = sources
    .slice(0, mostNamed)
    .map(
      ({ sourceId, sourceName, cost, currency, firstDay, lastDay }) =>
        `"${sourceName ?? sourceId}" (${sourceId}): ${cost} ${currency} from ${firstDay} to ${lastDay}`,
    );
  const subject = sources.length === 1 ? "A Redtrack source has" : `${sources.length} Redtrack sources have`;
  return `${subject} spend and no affiliate: ${shown.join("; ")}${andMore(sources)}. Add ${sources.length === 1 ? "it" : "them"} to internal-affiliates.csv and run npm run mapping -- load; npm run mapping -- check lists all of them`;
}

function describeUnmatched(rows: UnmatchedMapping[]): string {
  const shown = rows
    .slice(0, mostNamed)
    .map(({ label, matchedBy, candidates }) =>
      matchedBy === "ambiguous"
        ? `${candidates.length} affiliates have the label "${label}" (${candidates.join(", ")}): say which in the mapping, by its id`
        : `no affiliate there is called "${label}": its spend has no revenue beside it`,
    );
  return `The mapping does not agree with Everflow: ${shown.join("; ")}${andMore(rows)}`;
}

const andMore = (all: readonly unknown[]) => (all.length > mostNamed ? `; and ${all.length - mostNamed} more` : "");

/** One alert for everything found. It is sent again when more is found; what a person closed is not reported again. */
async function bringUpToDate<Finding>(
  database: Queryable,
  state: {
    client: string;
    kind: string;
    subject: string;
    found: { name: string; finding: Finding }[];
    describe: (findings: Finding[]) => string;
    notes: string;
  },
): Promise<void> {
  const { client, kind, subject, found, describe, notes } = state;
  const acknowledged = await readAcknowledged(database, { client, kind });
  const open = found.filter(({ name }) => !acknowledged.has(name));
  if (open.length === 0) return settleAlerts(database, { client, area, kinds: [kind], subject, notes });
  const alerted = new Set(await readAlerted(database, { client, kind }));
  await raiseAlert(database, {
    client,
    area,
    kind,
    subject,
    severity: "warning",
    message: describe(open.map(({ finding }) => finding)),
    details: { names: open.map(({ name }) => name), found: open.map(({ finding }) => finding) },
    isNews: open.some(({ name }) => !alerted.has(name)),
  });
}
