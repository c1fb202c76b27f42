import { z } from "zod";
import { addDays, dayAt } from "../../core/days.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import type { Redact } from "../../core/redact.ts";
import {
  readCampaigns,
  readClickTimes,
  readLastFinal,
  readPaidTwice,
  readRepeats,
  readSources,
  recordsState,
} from "../../queries/findings/read-records.ts";
import { findSearch, readLastSearch, recordSearch, type FindingRun } from "../../queries/findings/runs.ts";
import {
  describeFound,
  keptFindings,
  readKnown,
  readLooks,
  readSums,
  recordTests,
  saveFound,
  saveRows,
  type RowSums,
  type Saved,
} from "../../queries/findings/save-findings.ts";
import { lockListed } from "../../queries/shared/listed-states.ts";
import { findAll, type Records, type Search } from "../../rules/findings/find.ts";
import { lookDays } from "../../rules/findings/kinds.ts";
import { describeFinding } from "../../rules/findings/words.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import type { Config } from "../../settings/config.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { runOf } from "../shared/run-of.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import { keepStates } from "./keep-states.ts";

/** What the activities of findings need. */
export interface FindingContext {
  database: Database;
  config: Pick<Config, "clients" | "ingest">;
  redact: Redact;
}

const shape = z.object({ client: z.string().optional(), onlyIfChanged: z.boolean().optional() });

export type FindingSummary = { client: string } & (
  ({ searched: true } & FindingRun) | { searched: false; reason: string }
);

/**
 * Looks for double and missing money on a client's final days and stores what was found, with everything that was tested, in
 * one transaction. The same rows again find the same and count as the same night.
 */
export async function searchFindings(context: FindingContext, { input }: { input: unknown }): Promise<FindingSummary> {
  const { database, config, redact } = context;
  const { client: asked, onlyIfChanged = false } = checkedInput(shape, input);
  const client = clientNamed(config, asked);
  const run = { client, ...runOf() };
  return withHeartbeat({ place: `findings of client ${client}`, redact }, async () => {
    const earlier = await findSearch(database, run);
    if (earlier !== null) return { client, searched: true, ...earlier };
    const settings = config.ingest.clients.get(client);
    const today = dayAt(new Date(), settings?.timezone ?? "UTC");
    const last = await readLastFinal(database, { client });
    const to = [last.conversions, last.spend, last.performance].reduce(
      (latest, day) => (day !== null && day > (latest ?? "") ? day : latest),
      null,
    );
    if (to === null) return { client, searched: false, reason: "no day of any feed is final" };
    const records = await recordsState(database, { client, today });
    const before = onlyIfChanged ? await readLastSearch(database, { client }) : null;
    if (before?.records === records)
      return {
        client,
        searched: false,
        reason: `nothing has changed since the search of ${before.endedAt.toISOString()}`,
      };
    const found = await inTransaction(database, (session) =>
      search(session, { ...run, to, last, today, records, currency: settings?.currency ?? "USD" }),
    );
    return { client, searched: true, ...found };
  });
}

interface Of {
  client: string;
  workflowId: string;
  runId: string;
  to: string;
  last: { conversions: string | null; spend: string | null; performance: string | null };
  today: string;
  records: string;
  currency: string;
}

async function search(session: Session, of: Of): Promise<FindingRun> {
  await lockListed(session, keptFindings, of.client);
  const known = await readKnown(session, of);
  const result = findAll(await readRecords(session, of), await readLooks(session, of));
  await recordTests(session, of, result.tests);
  const { sums, saved } = await save(session, of, result);
  const { created, gone } = await keepStates(session, of, { known, saved, sums, tests: result.tests });
  const run: FindingRun = { windowTo: of.to, tested: result.tested, listed: saved.length, created, gone };
  const facts = { lastFinal: of.last, listed: countByKind(saved) };
  await recordSearch(session, { ...of, origin: originOf([...sums.values()]), facts }, run);
  return run;
}

const windowTo = (to: string | null, days: number) => (to === null ? null : { from: addDays(to, 1 - days), to });

async function readRecords(session: Session, { client, last, currency }: Of): Promise<Records> {
  const conversions = windowTo(last.conversions, lookDays.window);
  const orders = windowTo(last.conversions, lookDays.paidTwice);
  const spend = windowTo(last.spend, lookDays.window);
  const performance = windowTo(last.performance, lookDays.window);
  return {
    ...{ conversions, spend, performance },
    paidTwice: orders === null ? [] : await readPaidTwice(session, { client, ...orders }),
    sources: spend === null ? [] : await readSources(session, { client, ...spend }),
    campaigns: performance === null ? [] : await readCampaigns(session, { client, ...performance, currency }),
    clickTimes: conversions === null ? [] : await readClickTimes(session, { client, ...conversions }),
    repeats: conversions === null ? [] : await readRepeats(session, { client, ...conversions }),
  };
}

async function save(session: Session, of: Of, { found }: Search) {
  const saved: Saved[] = [];
  for (const one of found) saved.push({ id: await saveFound(session, of, one), found: one });
  await saveRows(session, of, saved);
  const sums = await readSums(
    session,
    of,
    saved.map(({ id }) => id),
  );
  for (const { id, found: one } of saved) {
    const own = sums.get(id);
    if (own !== undefined) await describeFound(session, of, { id, sums: own, words: describeFinding(one, own) });
  }
  return { saved, sums };
}

function countByKind(saved: readonly Saved[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { found } of saved) counts[found.kind] = (counts[found.kind] ?? 0) + 1;
  return counts;
}

/** Real as soon as one finding is. */
function originOf(all: readonly RowSums[]): StoredOrigin {
  if (all.some(({ origin }) => origin === "real")) return "real";
  return all.length > 0 && all.every(({ origin }) => origin === "sandbox") ? "sandbox" : "unknown";
}
