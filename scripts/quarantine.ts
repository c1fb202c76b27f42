import { z } from "zod";
import { cents, sumMoney } from "../core/money.ts";
import { findSource } from "../connectors/registry.ts";
import { readQuarantine, readQuarantinedSlices, type QuarantinedSlice } from "../queries/quarantine.ts";
import { countQuarantine } from "../queries/status.ts";
import {
  anyClientOption,
  civilDay,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  sourceOption,
  wholeNumber,
  work,
  type Report,
} from "./command-line.ts";
import { count, instant, table } from "./printing.ts";
import { rerunSlices } from "./rerun-slices.ts";

const shownContent = 100;
// Files have entries too, so a name that is no feed is not wrong here.
const filter = { source: z.string().optional(), client: z.string().optional() };

const list = defineCommand("list", "Shows rows that could not be stored, with their reason and amount.", [
  "npm run quarantine -- list",
  "npm run quarantine -- list --source redtrack.daily_spend --all --limit 200",
])
  .option(...sourceOption)
  .option(...anyClientOption)
  .option("--open", "only those that are open: the default")
  .option("--all", "also those that were resolved")
  .option("--limit <entries>", "how many at most", "50");

list.action(
  work(
    z.object({ ...filter, open: z.boolean().default(false), all: z.boolean().default(false), limit: wholeNumber }),
    async (desk, options) => {
      if (options.open && options.all) throw new CommandError(exitCodes.usage, "--open and --all exclude each other");
      const database = await desk.database();
      const of = {
        source: options.source,
        client: options.client === undefined ? undefined : desk.client(options.client),
      };
      const entries = await readQuarantine(database, { ...of, openOnly: !options.all, limit: options.limit });
      const open = await countQuarantine(database, of);
      const totals = {
        entries: open.reduce((sum, row) => sum + row.entries, 0),
        amount: cents(sumMoney(open.map((row) => row.amount))),
      };
      const rows = entries.map((entry) => [
        entry.quarantineId,
        entry.client,
        entry.source,
        entry.slice,
        entry.resolvedAt === null ? "open" : "resolved",
        instant(entry.lastSeenAt),
        entry.amount === null ? null : cents(entry.amount),
        entry.reason,
        entry.content.replaceAll(/\s+/g, " ").slice(0, shownContent),
      ]);
      return {
        document: { open: totals, entries },
        lines: [
          ...(rows.length === 0
            ? []
            : [
                ...table(
                  ["id", "client", "source", "slice", "state", "last seen", "amount", "reason", "content"],
                  rows,
                ),
                "",
              ]),
          `${count(totals.entries, "open entry", "open entries")}, ${totals.amount} in all`,
        ],
      };
    },
  ),
);

const redrive = defineCommand(
  "redrive",
  "Reads again the slices that have open entries. What the vendor has mended is resolved.",
  [
    "npm run quarantine -- redrive --source redtrack.daily_spend",
    "npm run quarantine -- redrive --source redtrack.daily_spend --client 713 --day 2025-12-18",
  ],
)
  .option(...sourceOption)
  .option(...anyClientOption)
  .option("--day <day>", "only this day, YYYY-MM-DD");

redrive.action(
  work(z.object({ ...filter, day: civilDay.optional() }), async (desk, options): Promise<Report> => {
    const database = await desk.database();
    const of = {
      source: options.source,
      client: options.client === undefined ? undefined : desk.client(options.client),
      slice: options.day,
    };
    const before = await readQuarantinedSlices(database, of);
    const feeds = before.filter((slice) => findSource(slice.source) !== undefined);
    const others = entriesOf(before) - entriesOf(feeds);
    if (others > 0)
      desk.note(`${count(others, "entry", "entries")} came from files: mend the file and ingest it again`);
    if (feeds.length === 0)
      return {
        document: { slices: [], resolved: 0, remaining: entriesOf(before) },
        lines: ["no slice of a feed has open entries"],
      };

    const reruns = await rerunSlices(
      desk,
      feeds.map(({ client, source, slice }) => ({ client, source, day: slice })),
    );
    const after = new Map((await readQuarantinedSlices(database, of)).map((slice) => [nameOf(slice), slice.entries]));
    const slices = feeds.map((slice, index) => {
      const remaining = after.get(nameOf(slice)) ?? 0;
      return {
        ...slice,
        state: reruns[index]?.state ?? "left",
        reason: reruns[index]?.reason ?? null,
        resolved: Math.max(0, slice.entries - remaining),
        remaining,
      };
    });
    const resolved = slices.reduce((sum, slice) => sum + slice.resolved, 0);
    const remaining = slices.reduce((sum, slice) => sum + slice.remaining, 0);
    return {
      exitCode: slices.some((slice) => slice.state === "left")
        ? exitCodes.interrupted
        : slices.some((slice) => slice.state === "failed")
          ? exitCodes.found
          : exitCodes.fine,
      document: { slices, resolved, remaining },
      lines: [
        ...table(
          ["client", "source", "slice", "pull", "resolved", "remaining", "reason"],
          slices.map((slice) => [
            slice.client,
            slice.source,
            slice.slice,
            slice.state,
            slice.resolved,
            slice.remaining,
            slice.reason ?? "",
          ]),
        ),
        "",
        `${resolved} resolved, ${remaining} remain`,
      ],
    };
  }),
);

const command = defineCommand(
  "quarantine",
  "Rows that could not be stored: look at them, and read their slices again.",
  ["npm run quarantine -- list", "npm run quarantine -- redrive"],
);

const entriesOf = (slices: readonly QuarantinedSlice[]) => slices.reduce((sum, slice) => sum + slice.entries, 0);
const nameOf = (slice: QuarantinedSlice) => `${slice.source}/${slice.client}/${slice.slice}`;

await runCommand(command.addCommand(list).addCommand(redrive));
