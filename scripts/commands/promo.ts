import { z } from "zod";
import type { Origin } from "../../core/origin.ts";
import { listOffers } from "../../queries/promo/offers.ts";
import { ctrOf } from "../../rules/promo/rate.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  taskOf,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { refusedFile, requireFile } from "../shared/load-file.ts";
import { loadOffersFile, OffersFileError } from "../shared/offers-file.ts";
import { openAgent } from "../shared/opened-agent.ts";
import { instant, plain, table } from "../shared/printing.ts";

const largestBytes = 20_000_000;
const mostListed = 1_000;
const tasks = ["load", "list", "agent"] as const;

const command = defineCommand(
  "promo",
  "Manages promotional offers and their texts. load: imports a JSON file; offers are found by their slug, texts by their wording; what the file does not name does not change. list: shows offers with their texts and click rates. agent: shows the user agent of a click, which is kept encrypted for seven days; each view is recorded in the audit log.",
  ["npm run promo -- load examples/promo.json", "npm run promo -- list", "npm run promo -- agent c-2025-10-18-1"],
)
  .argument("<task>", tasks.join(", "))
  .argument("[file]", "for load: the JSON file; for agent: the click's event_id")
  .option(...clientOption)
  .option(
    "--sandbox",
    "with load: mark the offers as made up; `npm run purge -- --sandbox` deletes them with their counts",
  );

const options = z.object({ client: z.string().optional(), sandbox: z.boolean().default(false) });

command.action(
  work(options, async (context, { client: named, sandbox }, operands): Promise<Report> => {
    const client = context.client(named);
    const [typed, operand] = operands;
    const task = taskOf(tasks, typed);
    if (task === "load") return load(context, { client, file: operand, origin: sandbox ? "sandbox" : "real" });
    if (sandbox) throw new CommandError(exitCodes.usage, "--sandbox can be given with load only");
    if (task === "agent") return agent(context, { client, eventId: operand });
    if (operand !== undefined) throw new CommandError(exitCodes.usage, "list takes no file");
    return list(context, client);
  }),
);

async function load(
  context: CommandContext,
  { client, file, origin }: { client: string; file: string | undefined; origin: Origin },
): Promise<Report> {
  if (file === undefined) throw new CommandError(exitCodes.usage, "name the file: npm run promo -- load FILE");
  await requireFile(file, largestBytes);
  try {
    const loaded = await loadOffersFile(await context.database(), { client, file, origin });
    const line = (name: string, counts: typeof loaded.offers) =>
      `client ${client}, ${name}: ${counts.inserted} inserted, ${counts.updated} updated, ${counts.unchanged} unchanged`;
    return {
      document: { client, file, ...loaded },
      lines: [line("offers", loaded.offers), line("variations", loaded.variations)],
    };
  } catch (error) {
    if (!(error instanceof OffersFileError)) throw error;
    throw refusedFile(file, error.problems);
  }
}

async function agent(
  context: CommandContext,
  { client, eventId }: { client: string; eventId: string | undefined },
): Promise<Report> {
  if (eventId === undefined) throw new CommandError(exitCodes.usage, "name the click: npm run promo -- agent EVENT_ID");
  const keys = context.config.identityKey;
  const click = await openAgent(await context.database(), { client, eventId, keys });
  const bot = click.bot === null ? "" : `, bot ${click.bot}`;
  return {
    document: { client, eventId, ...click },
    lines: [
      `client ${client}, click ${eventId} on variation ${click.variationId}, ${instant(click.clickedAt)}, device ${click.device}${bot}`,
      "",
      plain(click.agent),
    ],
  };
}

async function list(context: CommandContext, client: string): Promise<Report> {
  const filter = { client, withArchived: true, afterId: null, limit: mostListed };
  const offers = await listOffers(await context.database(), filter);
  const rows = offers.flatMap((offer) => [
    [
      offer.offerId,
      "",
      offer.slug,
      offer.name,
      stateOf(offer),
      offer.weight,
      offer.impressions,
      offer.clicks,
      ctrOf(offer),
    ],
    ...offer.variations.map((one) => [
      "",
      one.variationId,
      "",
      one.textContent.slice(0, 50),
      one.approved ? "approved" : "not approved",
      one.weight,
      one.impressions,
      one.clicks,
      ctrOf(one),
    ]),
  ]);
  const columns = ["offer", "variation", "slug", "name or text", "state", "weight", "impressions", "clicks", "CTR %"];
  return {
    document: { client, offers },
    lines:
      offers.length === 0 ? [`client ${client} has no offers yet: npm run promo -- load FILE`] : table(columns, rows),
  };
}

function stateOf({ archived, active }: { archived: boolean; active: boolean }): string {
  return archived ? "archived" : active ? "active" : "inactive";
}

await runCommand(command);
