import { z } from "zod";
import { originOf } from "../../core/origin.ts";
import { cents, sumMoney } from "../../core/money.ts";
import { targetOf } from "../../activities/sync/read-day.ts";
import { feeds, sources } from "../../connectors/registry.ts";
import { warehouses } from "../../connectors/warehouses/registry.ts";
import { countFeed, purgeFeed, type PurgedFeed, type PurgedOrigin } from "../../queries/ops/purge.ts";
import { countOthers, otherPurges } from "../../queries/ops/purge-others.ts";
import { countWarehouse, purgeWarehouse } from "../../queries/ops/purge-warehouse.ts";
import type { PurgeCount } from "../../queries/ops/purge-shapes.ts";
import { commandLineActor } from "../shared/audit.ts";
import {
  anyClientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { count, table } from "../shared/printing.ts";

/** Slices or conversions per transaction: what is stopped loses little, and nobody waits long for a lock. */
const atATime = 100;
const others = Object.keys(otherPurges) as (keyof typeof otherPurges)[];
const names = [...feeds.map(({ name }) => name), ...others];

const command = defineCommand(
  "purge",
  "Counts the data that mock servers, the demo and the example made up: rows, ledger, receipts, quarantine, events, deliveries, files, creatives, claims, verdicts, promotional offers, statements, findings. With --yes it is deleted. Real data is never touched. Can be stopped and started again.",
  ["npm run purge -- --sandbox", "npm run purge -- --sandbox --source redtrack.daily_spend --yes"],
)
  .requiredOption("--sandbox", "what to purge: all that came from the sandbox")
  .option("--source <name>", `only this: ${names.join(", ")}`)
  .option(...anyClientOption)
  .option(
    "--unknown",
    "also feeds' days stored before origins were recorded: only where you know that they are made up",
  )
  .option("--yes", "delete it");

const options = z.object({
  sandbox: z.literal(true),
  source: z.enum(names, { error: `must be one of ${names.join(", ")}` }).optional(),
  client: z.string().optional(),
  unknown: z.boolean().default(false),
  yes: z.boolean().default(false),
});

command.action(
  work(options, async (context, { source, client, unknown, yes }): Promise<Report> => {
    const clients = client === undefined ? context.config.clients : [context.client(client)];
    const origins: PurgedOrigin[] = unknown ? ["sandbox", "unknown"] : ["sandbox"];
    const of = clients.map((one) => ({ client: one, source, origins }));
    const counts = [];
    for (const one of of) counts.push(...(await (yes ? purge : show)(context, one)));
    const summed = sumUp(counts);
    const document = { deleted: yes, tables: summed };
    if (summed.length === 0) return { document, lines: ["there is no sandbox data"] };
    return {
      document,
      lines: [
        ...table(
          ["client", "of", "table", "rows", "sum"],
          summed.map((row) => [row.client, row.source, row.table, row.rows, row.sum === null ? "" : cents(row.sum)]),
        ),
        "",
        ...(yes
          ? [`${count(total(summed), "row")} deleted`, ...stillPlayed(context, summed)]
          : [`${count(total(summed), "row")} would be deleted; nothing was. Add --yes to delete them.`]),
      ],
    };
  }),
);

interface Purge {
  client: string;
  source: string | undefined;
  origins: PurgedOrigin[];
}

const wanted = (source: string | undefined, name: string) => source === undefined || source === name;

function feedsOf({ client, source }: Purge): PurgedFeed[] {
  return sources.filter(({ name }) => wanted(source, name)).map((one) => targetOf(one, client, ""));
}

const warehousesOf = ({ client, source }: Purge) =>
  warehouses.filter(({ name }) => wanted(source, name)).map(({ name }) => ({ client, source: name }));

async function show(context: CommandContext, of: Purge): Promise<PurgeCount[]> {
  const database = await context.database();
  const counts: PurgeCount[] = [];
  for (const feed of feedsOf(of)) counts.push(...(await countFeed(database, feed, of.origins)));
  for (const warehouse of warehousesOf(of)) counts.push(...(await countWarehouse(database, warehouse)));
  const more = await countOthers(database, of.client);
  return [...counts, ...more.filter((row) => wanted(of.source, row.source))];
}

async function purge(context: CommandContext, of: Purge): Promise<PurgeCount[]> {
  const database = await context.database();
  if (of.origins.includes("unknown")) refuseReal(context, of);
  const step = {
    atATime,
    by: commandLineActor(),
    onStep: (counts: PurgeCount[]) => context.progress.show(`${count(total(counts), "row")} deleted`),
  };
  const counts: PurgeCount[] = [];
  for (const feed of feedsOf(of)) counts.push(...(await purgeFeed(database, feed, of.origins, step)));
  for (const warehouse of warehousesOf(of)) counts.push(...(await purgeWarehouse(database, warehouse, step)));
  for (const name of others)
    if (wanted(of.source, name)) counts.push(...(await otherPurges[name](database, of.client, step)));
  return counts;
}

/** With the vendor's key set, days of unknown origin are the vendor's as far as anybody can tell. */
function refuseReal(context: CommandContext, of: Purge): void {
  const real = sources.filter(({ name, vendor }) => {
    const account = context.config.accounts.get(`${vendor.name}/${of.client}`);
    return wanted(of.source, name) && account?.secrets != null && originOf(account) === "real";
  });
  if (real.length > 0)
    throw new CommandError(
      exitCodes.usage,
      `client ${of.client} has a real key for ${real.map(({ name }) => name).join(", ")}: days of unknown origin may be real, and are not deleted. Leave --unknown out, or name another --source.`,
    );
}

/** One line per table, however many steps it took. */
function sumUp(counts: readonly PurgeCount[]): PurgeCount[] {
  const summed = new Map<string, PurgeCount>();
  for (const one of counts) {
    const key = `${one.client} ${one.source} ${one.table}`;
    const before = summed.get(key);
    summed.set(
      key,
      before === undefined ? one : { ...one, rows: before.rows + one.rows, sum: added(before.sum, one.sum) },
    );
  }
  return [...summed.values()];
}

const added = (one: string | null, other: string | null) =>
  one === null || other === null ? (one ?? other) : sumMoney([one, other]);

const total = (counts: readonly PurgeCount[]) => counts.reduce((rows, one) => rows + one.rows, 0);

/** What the sandbox still answers comes again with the next pull. */
function stillPlayed({ config }: CommandContext, purged: readonly PurgeCount[]): string[] {
  const again = feeds.filter(({ name, vendor }) =>
    purged.some(({ client, source }) => {
      const account = config.accounts.get(`${vendor.name}/${client}`);
      return source === name && account?.secrets != null && originOf(account) === "sandbox";
    }),
  );
  return again.length === 0
    ? []
    : [
        `the sandbox still answers for ${again.map(({ name }) => name).join(", ")}: the next pull brings made-up data again`,
      ];
}

await runCommand(command);
