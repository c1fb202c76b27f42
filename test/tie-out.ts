import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { compareConversions, type TieOutSummary } from "../activities/findings/compare-conversions.ts";
import { createRateGate } from "../activities/shared/rate-gate.ts";
import { createSyncActivities } from "../activities/sync/sync.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { createRedactor } from "../core/redact.ts";
import { receiveEvents } from "../queries/conversions/anytrack-events.ts";
import { readWebhookBody } from "../rules/conversions/webhook-body.ts";
import { startSandbox } from "../sandbox/server.ts";
import { trackedOfDay, type Planted, type TrackedDay } from "../sandbox/tracked-data.ts";
import { loadConfig } from "../settings/config.ts";
import { inTransaction } from "../schema/database.ts";
import type { TestDatabase } from "./database.ts";

/** Affiliates of the sandbox's Everflow whose spend Redtrack knows. */
const mapped = ["1011", "1012", "1013", "2001", "2002", "2003"] as const;

const sourceOf = (affiliateId: string) => `source-${affiliateId}`;

export interface World {
  planted: TrackedDay["planted"];
  /** Redtrack's count less Everflow's, by day and affiliate. */
  redtrack: Map<string, number>;
}

const environment = () =>
  new MockActivityEnvironment(
    { workflowExecution: { workflowId: "tie-out", runId: "run" } },
    { logger: new DefaultLogger("ERROR") },
  );

/**
 * What the sandbox's three vendors have of the same conversions, read as it always is: Everflow and Redtrack by the pull of their
 * slices, AnyTrack by its webhook. So much of each is planted on each of the days, and nothing else differs.
 */
export async function sandboxWorlds(
  database: TestDatabase,
  clients: readonly string[],
  days: ReadonlyMap<string, Planted & { redtrack: readonly number[] }>,
): Promise<Map<string, World>> {
  const unlimited = { perMinute: null, perSecond: null, countTwice: false };
  const sandbox = await startSandbox({ today: "2026-06-30", limits: { redtrack: unlimited, everflow: unlimited } });
  try {
    const key = (vendor: string) =>
      clients.map((client, index) => [
        `${vendor}_API_KEY${index === 0 ? "" : `_${client.toUpperCase()}`}`,
        `sandbox-${client}`,
      ]);
    const config = loadConfig(
      {
        DATABASE_URL: database.url,
        CLIENTS: clients.join(","),
        ...Object.fromEntries([...key("REDTRACK"), ...key("EVERFLOW")]),
        ...Object.fromEntries(
          ["REDTRACK", "EVERFLOW"].flatMap((vendor) => [
            [`${vendor}_BASE_URL`, `${sandbox.url}/${vendor.toLowerCase()}`],
            [`${vendor}_INTERVAL_MS`, "0"],
            [`${vendor}_CONCURRENT`, "8"],
          ]),
        ),
      },
      vendors,
      sources,
    );
    const { pullSlice } = createSyncActivities({
      ...{ database: database.pool, config, sources, gate: createRateGate(database.pool) },
      redact: createRedactor([]),
    });
    const build = async (client: string): Promise<World> => {
      const pull = (source: string, day: string) =>
        environment().run(pullSlice, { client, source, day, runId: "run" }) as Promise<unknown>;
      const world: World = { planted: { missing: [], extra: [], amounts: [], refused: [] }, redtrack: new Map() };
      for (const id of mapped)
        await database.pool.query(
          `insert into public.affiliate_mapping (_client_id, redtrack_source_id, redtrack_source_name, everflow_affiliate_id, everflow_affiliate_label, is_internal, _loaded_by)
           values ($1, $2, $2, $3, 'A ' || $3, true, 'test')`,
          [client, sourceOf(id), id],
        );
      for (const [day, { redtrack, ...planted }] of days) {
        const tracked = trackedOfDay(client, day, planted);
        for (const kind of ["missing", "extra", "amounts", "refused"] as const)
          world.planted[kind].push(...tracked.planted[kind]);
        await receive(database, client, tracked);
        await Promise.all([pull("everflow.conversions", day), pull("everflow.daily_stats", day)]);
        for (const [index, id] of mapped.entries()) {
          const shift = redtrack[index] ?? 0;
          world.redtrack.set(`${day} ${id}`, shift);
          await fetch(`${sandbox.url}/_control/faults`, {
            method: "POST",
            body: JSON.stringify({
              ...{ vendor: "redtrack", kind: "add_row", match: { client, day } },
              ...{
                sourceId: sourceOf(id),
                sourceName: `Source of ${id}`,
                sourceAlias: "facebook",
                cost: "10",
                clicks: 100,
              },
              conversions: (await counted(database, { client, day, affiliateId: id })) + shift,
            }),
          });
        }
        await pull("redtrack.daily_spend", day);
      }
      return world;
    };
    return new Map(await Promise.all(clients.map(async (client) => [client, await build(client)] as const)));
  } finally {
    await sandbox.close();
  }
}

async function receive({ pool }: TestDatabase, client: string, { events }: TrackedDay): Promise<void> {
  const body = readWebhookBody(JSON.stringify(events.map((event) => event.body)), {
    now: new Date(),
    visitorKey: undefined,
  });
  if (body.kind === "problem") throw new Error(JSON.stringify(body.details));
  const { conversions, clicks } = body;
  await receiveEvents(pool, { client, origin: "sandbox", conversions, clicks }, { halfLifeDays: 7 });
}

async function counted(
  { pool }: TestDatabase,
  { client, day, affiliateId }: { client: string; day: string; affiliateId: string },
): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from everflow.conversions
      where _client_id = $1 and date = $2 and affiliate_id = $3 and not is_event and revenue >= 0 and status not in ('rejected', 'invalid')`,
    [client, day, affiliateId],
  );
  return rows[0]?.count ?? 0;
}

/** As the workflow does it. */
export function compareAgain({ pool }: TestDatabase, client: string): Promise<TieOutSummary> {
  const context = { database: pool, config: { clients: [client] } as never, redact: createRedactor([]) };
  return environment().run((input: { input: unknown }) => compareConversions(context, input), {
    input: { client },
  }) as Promise<TieOutSummary>;
}

/** Each stored row, to be held against what a comparison of everything comes to. */
export async function storedTieOut(
  { pool }: TestDatabase,
  client: string,
): Promise<{ items: string[]; days: string[] }> {
  const texts = async (table: string) => {
    const { rows } = await pool.query<{ row: string }>(
      `select to_jsonb(t)::text as row from findings.${table} t where _client_id = $1 order by 1`,
      [client],
    );
    return rows.map(({ row }) => row);
  };
  return { items: await texts("tie_out_items"), days: await texts("tie_out_days") };
}

/** Compares all days from nothing. */
export async function compareWhole(database: TestDatabase, client: string): Promise<void> {
  await inTransaction(database.pool, async (session) => {
    await session.query("delete from findings.tie_out_items where _client_id = $1", [client]);
    await session.query("delete from findings.tie_out_days where _client_id = $1", [client]);
    await session.query(
      "insert into findings.changed_days select _client_id, date from everflow.conversions where _client_id = $1",
      [client],
    );
    await session.query(
      "insert into findings.changed_days select _client_id, date from anytrack.conversions where _client_id = $1",
      [client],
    );
  });
  await compareAgain(database, client);
}
