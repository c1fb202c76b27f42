import { z } from "zod";
import type { Origin } from "../../core/origin.ts";
import { hashAffiliateKey, makeAffiliateKey } from "../../rules/recon/affiliate-key.ts";
import { hashDiscordUser } from "../../rules/recon/discord-user.ts";
import {
  createAffiliate,
  findAffiliate,
  findAffiliateNamed,
  findByKeyHash,
  listAffiliates,
  rotateKey,
  setAffiliateActive,
  type AffiliateRow,
} from "../../queries/recon/keys.ts";
import { recordAudit, type AuditAction } from "../../queries/ops/audit.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { commandLineActor } from "../shared/audit.ts";
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
import { instant, table } from "../shared/printing.ts";

const tasks = ["create", "key", "rotate", "disable", "enable", "list"] as const;

const command = defineCommand(
  "affiliate",
  "Manages the affiliates who may submit claims. create: adds one and shows its key once; rotate: replaces its key; key: shows whose key it is, read from stdin; disable, enable: switches its key off or on; list: shows all.",
  [
    'npm run affiliate -- create "Ada" --discord 9007199254740993',
    'npm run affiliate -- create "Test" --sandbox',
    'npm run affiliate -- rotate "Ada"',
    "npm run affiliate -- disable 12",
    "npm run affiliate -- list --json",
    "npm run --silent affiliate -- key < key.txt",
  ],
)
  .argument("<task>", tasks.join(", "))
  .argument("[affiliate]", "its name, or its id")
  .option("--discord <user id>", "with create: the Discord account that may submit for it")
  .option(
    "--sandbox",
    "with create: made up, to try things out; `npm run purge -- --sandbox` deletes it with its claims",
  )
  .option(...clientOption);

const options = z.object({
  client: z.string().optional(),
  sandbox: z.boolean().default(false),
  discord: z
    .string()
    .regex(/^\d{1,20}$/, "must be a user id, a number")
    .optional(),
});

command.action(
  work(options, async (context, { client: named, discord, sandbox }, operands): Promise<Report> => {
    const client = context.client(named);
    const [typed, affiliate] = operands;
    const task = taskOf(tasks, typed);
    if (discord !== undefined && task !== "create")
      throw new CommandError(exitCodes.usage, "--discord goes with create only");
    if (sandbox && task !== "create") throw new CommandError(exitCodes.usage, "--sandbox goes with create only");
    if (task === "list") return list(context, client);
    if (task === "key") return whose(context);
    if (affiliate === undefined || affiliate.trim() === "")
      throw new CommandError(exitCodes.usage, `${task} needs the affiliate's name${task === "create" ? "" : " or id"}`);
    if (task === "create")
      return create(context, { client, name: affiliate.trim(), discord, origin: sandbox ? "sandbox" : "real" });
    const found = await find(await context.database(), client, affiliate);
    if (task === "rotate") return rotate(context, client, found);
    return setActive(context, client, found, task === "enable");
  }),
);

async function create(
  context: CommandContext,
  { client, name, discord, origin }: { client: string; name: string; discord: string | undefined; origin: Origin },
): Promise<Report> {
  if (name.length > 200) throw new CommandError(exitCodes.usage, "a name has at most 200 characters");
  const { key, hash } = makeAffiliateKey();
  const wanted = {
    client,
    name,
    origin,
    discordUserHash: discord === undefined ? null : hashAccount(context, client, discord),
    emailHash: null,
    emailSealed: null,
    keyHash: hash,
    keyPrefix: key.slice(0, 8),
  };
  const row = await recorded(context, { client, action: "key_issued" }, (session) => createAffiliate(session, wanted));
  if (row === null)
    throw new CommandError(
      exitCodes.found,
      `client ${client} has an affiliate of this name or Discord account already`,
    );
  return shownOnce(context, row, key);
}

function hashAccount({ config }: CommandContext, client: string, userId: string): string {
  if (config.hashingKey !== null) return hashDiscordUser(config.hashingKey, { client, userId });
  throw new CommandError(
    exitCodes.usage,
    "CREDENTIALS_ENCRYPTION_KEY is not set: without it no Discord account can be linked",
  );
}

async function rotate(context: CommandContext, client: string, { affiliateId }: AffiliateRow): Promise<Report> {
  const { key, hash } = makeAffiliateKey();
  const stored = { keyHash: hash, keyPrefix: key.slice(0, 8) };
  const row = await recorded(context, { client, action: "key_rotated" }, (session) =>
    rotateKey(session, { client, affiliateId, ...stored }),
  );
  if (row === null) throw new CommandError(exitCodes.usage, `affiliate ${affiliateId} is gone`);
  return shownOnce(context, row, key);
}

/** The act and its entry in the audit log, as one. */
async function recorded(
  context: CommandContext,
  { client, action }: { client: string; action: AuditAction },
  act: (session: Session) => Promise<AffiliateRow | null>,
): Promise<AffiliateRow | null> {
  return inTransaction(await context.database(), async (session) => {
    const row = await act(session);
    if (row !== null) {
      const details = { name: row.name, keyPrefix: row.keyPrefix };
      const subject = `affiliate/${row.affiliateId}`;
      await recordAudit(session, { ...commandLineActor(), client, action, subject, details });
    }
    return row;
  });
}

function shownOnce(context: CommandContext, row: AffiliateRow, key: string): Report {
  context.note(`affiliate ${row.affiliateId}, "${row.name}": this key is shown now and never again`);
  return { document: { ...row, key }, lines: [key] };
}

async function setActive(
  context: CommandContext,
  client: string,
  found: AffiliateRow,
  isActive: boolean,
): Promise<Report> {
  const { affiliateId, name } = found;
  await recorded(context, { client, action: isActive ? "key_enabled" : "key_disabled" }, (session) =>
    setAffiliateActive(session, { client, affiliateId, isActive }),
  );
  return {
    document: { ...found, isActive },
    lines: [`affiliate ${affiliateId}, "${name}", is ${isActive ? "enabled" : "disabled: its key opens nothing"}`],
  };
}

/** Finds the owner of a leaked key although keys are not stored: read from stdin, as arguments end up in shell histories. */
async function whose(context: CommandContext): Promise<Report> {
  let given = "";
  for await (const chunk of process.stdin) given += String(chunk);
  const hash = hashAffiliateKey(given.trim());
  const found = hash === null ? null : await findByKeyHash(await context.database(), hash);
  if (found === null)
    throw new CommandError(exitCodes.found, "no affiliate has this key: it was rotated, or never was one");
  const { client, affiliateId, isActive } = found;
  return {
    document: { client, affiliateId, isActive },
    lines: [`client ${client}, affiliate ${affiliateId}${isActive ? "" : ", disabled"}`],
  };
}

async function list(context: CommandContext, client: string): Promise<Report> {
  const database = await context.database();
  const rows: AffiliateRow[] = [];
  for (let after: readonly (string | null)[] | null = null; ;) {
    const order = { sort: "createdAt", after };
    const page: Awaited<ReturnType<typeof listAffiliates>> = await listAffiliates(database, {
      client,
      order,
      limit: 500,
    });
    rows.push(...page.map(({ inOrder: _inOrder, ...row }) => row));
    after = page.at(-1)?.inOrder.keys ?? null;
    if (page.length < 500) break;
  }
  return {
    document: { client, affiliates: rows },
    lines:
      rows.length === 0
        ? [`client ${client} has no affiliates yet: npm run affiliate -- create <name>`]
        : table(
            ["id", "name", "trust", "accurate", "counted", "key", "since", "discord", "state", "origin"],
            rows.map((row) => [
              row.affiliateId,
              row.name,
              row.trustScore,
              row.accurateSubmissions,
              row.totalSubmissions,
              row.keyPrefix === null ? null : `${row.keyPrefix}...`,
              instant(row.keyIssuedAt),
              row.hasDiscord ? "linked" : null,
              row.isActive ? "active" : "disabled",
              row.origin,
            ]),
          ),
  };
}

async function find(database: Database, client: string, affiliate: string): Promise<AffiliateRow> {
  const named = await findAffiliateNamed(database, { client, name: affiliate });
  const found =
    named ??
    (/^[1-9]\d{0,17}$/.test(affiliate) ? await findAffiliate(database, { client, affiliateId: affiliate }) : null);
  if (found === null) throw new CommandError(exitCodes.usage, `client ${client} has no affiliate "${affiliate}"`);
  return found;
}

await runCommand(command);
