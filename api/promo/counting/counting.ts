import { sqlState, type Queryable, type Statement } from "../../../schema/database.ts";
import { raiseAlert, settleAlerts } from "../../../queries/ops/alerts.ts";
import { readKnownOffers } from "../../../queries/promo/catalog.ts";
import { quarantineEvents } from "../../../queries/promo/quarantine.ts";
import { recordClicks, recordImpressions } from "../../../queries/promo/record.ts";
import type { Database } from "../../../schema/database.ts";
import { isDatabaseAway } from "../../server/errors.ts";
import type { ServerParts } from "../../server/parts.ts";
import { AddressHashes } from "./address-hashes.ts";
import { Catalog } from "./catalog.ts";
import { Counter } from "./counter.ts";
import { Refusals } from "./refusals.ts";
import type { SpoolState } from "./spool.ts";

/** A connection that went silent is given up after this, or it would be lost to the pool. */
const silentAfterMs = 3_000;
/** How long something may lie in the spool while the database answers, or has been away, before somebody should know. */
const spoolAlertAfterMs = 10 * 60_000;

export interface Counting {
  counter: Counter;
  catalog: Catalog;
  hashes: AddressHashes;
  refusals: Refusals;
}

/** What tracking and redirects share: one counter per process, with what it needs to know of offers and addresses. */
export function createCounting(parts: ServerParts): Counting {
  const { config, logger } = parts;
  const { counting } = config.promo;
  const database = impatient(parts.counting ?? parts.database);
  const zones = Object.fromEntries([...config.promo.clients].map(([client, { timezone }]) => [client, timezone]));
  const how = { zones, repeatWindowMs: counting.repeatWindowMs };
  const catalog = new Catalog({ read: () => readKnownOffers(database), folder: counting.spool.folder });
  return {
    catalog,
    counter: new Counter({
      recorder: {
        impressions: async (events) => {
          const outcomes = await recordImpressions(database, events, how);
          catalog.lookFor(events);
          return outcomes;
        },
        clicks: async (events) => {
          const outcomes = await recordClicks(database, events, how);
          catalog.lookFor(events);
          return outcomes;
        },
        quarantine: (events) => quarantineEvents(database, events),
      },
      isTheirs,
      problemOf: (event) => catalog.problemOf(event),
      spool: counting.spool,
      deadlineMs: counting.commitDeadlineMs,
      rememberedDays: counting.retentionDays - 1,
      logger,
      onSpool: (state) => watchSpool(database, String(config.clients[0]), state),
      onUnreadable: (name) => tellUnreadable(database, String(config.clients[0]), name),
    }),
    hashes: new AddressHashes({ database, keys: config.identityKey }),
    refusals: new Refusals({ database }),
  };
}

function impatient(database: Database): Queryable {
  const query = (statement: string | Statement, values?: unknown[]) => {
    const whole: Statement = typeof statement === "string" ? { text: statement, values: values ?? [] } : statement;
    return database.query({ ...whole, query_timeout: silentAfterMs } as Statement);
  };
  return { query: query as Queryable["query"] };
}

/** What Postgres says of values is about the events; of locks, time and room it is about itself. */
function isTheirs(error: unknown): boolean {
  return sqlState(error) !== null && !isDatabaseAway(error);
}

/** Only a person can say what it was: the alert stays until one closes it. */
export async function tellUnreadable(database: Queryable, client: string, name: string): Promise<void> {
  await raiseAlert(database, {
    client,
    area: "promo",
    kind: "spool_unreadable",
    subject: name,
    severity: "warning",
    message: `${name} in the spool of the HTTP server cannot be read; promo events in it are not counted`,
    details: { name },
  });
}

export async function watchSpool(database: Queryable, client: string, { bytes, since }: SpoolState): Promise<void> {
  const alert = { client, area: "promo", kind: "spool_waiting", subject: "spool" };
  const minutes = since === null ? 0 : Math.floor((Date.now() - since.getTime()) / 60_000);
  if (bytes === 0) await settleAlerts(database, { ...alert, kinds: [alert.kind], notes: "everything was counted" });
  else if (minutes * 60_000 >= spoolAlertAfterMs)
    await raiseAlert(database, {
      ...alert,
      severity: "warning",
      message: `promo events have waited in the spool of the HTTP server for ${minutes} minutes and are not counted yet`,
      details: { bytes, since: since?.toISOString() },
    });
}
