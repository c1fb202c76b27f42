import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import { remarkOf } from "../../core/person-text.ts";
import { wholeNumber } from "../../core/whole-number.ts";
import { readPublicKey } from "../../core/signing.ts";
import { closeMonth, ClosingProblem } from "../../queries/payouts/close-month.ts";
import { readStatementFile, statementForms } from "../../queries/payouts/statement-file.ts";
import { findStatement, readMonths, readOwed } from "../../queries/payouts/statements.ts";
import { verifyStatement } from "../../rules/payouts/verify-statement.ts";
import { inTransaction } from "../../schema/database.ts";
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
import { fetchStatement } from "../shared/fetch-statement.ts";
import { table } from "../shared/printing.ts";

const tasks = ["list", "show", "close", "verify"] as const;

const command = defineCommand(
  "statement",
  "Payout statements: list a month, show one as a file, close a month, or verify a downloaded file offline. verify exits 1 when the file is not what was signed.",
  [
    "npm run statement -- list --month 2025-11",
    "npm run statement -- show 3 --output statement.csv",
    'npm run statement -- close 2025-11 --reason "Everflow says that the day is final"',
    "npm run statement -- verify statement.csv --public-key key.txt",
  ],
)
  .argument("[task]", `one of ${tasks.join(", ")}`, "list")
  .argument("[what]", "the number of a statement, a month, or a file or address")
  .option(...clientOption)
  .option("--month <month>", "YYYY-MM; list: the month that is to be closed next when left out")
  .option(
    "--output <file>",
    `show: where it is written, with its signature; its ending says as what: ${statementForms.join(", ")}`,
  )
  .option("--reason <text>", "close: why, although days of the month are not final")
  .option("--start-here", "close: months before it stay without statements, for good")
  .option(
    "--public-key <key>",
    "verify: the key, or a file that has it; left out, the key of the settings, or of the server that the address names",
  )
  .option("--key <key>", "verify an address: an affiliate's key, sent as X-API-Key")
  .option("--token <token>", "verify an address: a token, sent as Authorization");

const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, "must be a month, written YYYY-MM");
const options = z.object({
  client: z.string().optional(),
  month: month.optional(),
  output: z.string().min(1).optional(),
  reason: remarkOf({ most: 2_000 }).optional(),
  startHere: z.boolean().optional(),
  publicKey: z.string().optional(),
  key: z.string().optional(),
  token: z.string().optional(),
});
type Options = z.infer<typeof options>;

command.action(
  work(options, async (context, asked, [typed, what]) => {
    switch (taskOf(tasks, typed ?? "list")) {
      case "list":
        return list(context, asked);
      case "show":
        return show(context, asked, what);
      case "close":
        return close(context, asked, what);
      case "verify":
        return verify(context, asked, what);
    }
  }),
);

async function list(context: CommandContext, asked: Options): Promise<Report> {
  const client = context.client(asked.client);
  const database = await context.database();
  const months = await readMonths(database, client);
  const shown =
    asked.month === undefined
      ? (months.find(({ isNext }) => isNext) ?? months[0])
      : months.find(({ month: one }) => one === asked.month);
  if (shown === undefined)
    return {
      document: { client, months, statements: [] },
      lines: [
        `client ${client}: no conversions${asked.month === undefined ? "" : ` in ${asked.month}`}, so there is no statement`,
      ],
    };
  const rows = await readOwed(database, { client, month: shown.month, affiliateId: null });
  const state = shown.state === "closed" ? `closed by ${shown.closedBy}` : `open, ${shown.daysNotFinal} days not final`;
  return {
    document: { client, ...shown, statements: rows },
    lines: [
      ...table(
        ["statement", "affiliate", "currency", "approved", "pending", "held", "corrections", "owed"],
        rows.map((row) => [
          row.statementId ?? "draft",
          row.affiliate,
          row.currency ?? "",
          row.approvedAmount,
          row.pendingAmount,
          row.heldAmount,
          row.correctionsAmount,
          row.owed,
        ]),
      ),
      "",
      `client ${client}, ${shown.month}: ${state}. Months: ${months.map(({ month: one }) => one).join(", ")}`,
    ],
  };
}

async function show(context: CommandContext, asked: Options, what: string | undefined): Promise<Report> {
  const statementId = wholeNumber().safeParse(what);
  if (!statementId.success) throw new CommandError(exitCodes.usage, "show takes the number of a statement: see list");
  const database = await context.database();
  const of = { client: context.client(asked.client), statementId: statementId.data, reconAffiliateId: null };
  const found = await findStatement(database, of);
  if (found === null) throw new CommandError(exitCodes.usage, `client ${of.client} has no statement ${of.statementId}`);
  const form = statementForms.find((one) => asked.output?.endsWith(`.${one}`) === true);
  if (asked.output !== undefined && form === undefined)
    throw new CommandError(
      exitCodes.usage,
      `--output has to end in ${statementForms.map((one) => `.${one}`).join(", ")}`,
    );
  if (asked.output !== undefined && form !== undefined)
    await writeFile(asked.output, (await readStatementFile(database, found, form)).text);
  const { statement, hash, keyId } = found;
  const totals = await readOwed(database, { ...of, month: statement.month, affiliateId: statement.affiliateId });
  return {
    document: { ...found, totals, output: asked.output ?? null },
    lines: [
      `statement ${statement.statementId} of ${statement.affiliate}, ${statement.month}, closed ${statement.closedAt} by ${found.closedBy}`,
      ...table(
        ["currency", "approved", "pending", "held", "of the month", "corrections", "owed"],
        totals.map((row) => [
          row.currency ?? "",
          row.approvedAmount,
          row.pendingAmount,
          row.heldAmount,
          row.newAmount,
          row.correctionsAmount,
          row.owed,
        ]),
      ),
      `SHA-256 ${hash}, signed with the key ${keyId}`,
      asked.output === undefined ? "With its lines as a file: --output statement.html" : `written to ${asked.output}`,
    ],
  };
}

async function close(context: CommandContext, asked: Options, what: string | undefined): Promise<Report> {
  const parsed = month.safeParse(what ?? asked.month);
  if (!parsed.success) throw new CommandError(exitCodes.usage, "close takes a month, written YYYY-MM");
  const key = context.config.statementKey;
  if (key === null)
    throw new CommandError(
      exitCodes.usage,
      "no month can be closed: set STATEMENT_SIGNING_KEY, which statements are signed with",
    );
  const client = context.client(asked.client);
  const closing = {
    ...{ client, month: parsed.data, by: commandLineActor(), key, now: new Date() },
    ...{ reason: asked.reason ?? null, startHere: asked.startHere ?? false },
  };
  try {
    const done = await inTransaction(await context.database(), (session) => closeMonth(session, closing));
    const what = done.isNew ? "is closed" : "was closed before: nothing was changed";
    return {
      document: { client, ...done },
      lines: [
        `client ${client}, ${done.month} ${what}. ${done.statements} statements: npm run statement -- list --month ${done.month}`,
      ],
    };
  } catch (error) {
    if (!(error instanceof ClosingProblem)) throw error;
    const hint =
      error.kind === "not_final" ? " (--reason)" : error.message.includes("startHere") ? " (--start-here)" : "";
    return {
      exitCode: exitCodes.found,
      document: { client, month: parsed.data, refused: error.kind, reason: error.message },
      lines: [`client ${client}, ${parsed.data} was not closed: ${error.message}${hint}`],
    };
  }
}

async function verify(context: CommandContext, asked: Options, what: string | undefined): Promise<Report> {
  if (what === undefined) throw new CommandError(exitCodes.usage, "verify takes a file, or the address of one");
  const isAddress = /^https?:\/\//.test(what);
  const file = isAddress
    ? await fetchStatement(what, asked)
    : await readFile(what, "utf8").catch(throwUnreadable(what));
  const given = asked.publicKey === undefined ? null : await publicKeyFrom(asked.publicKey);
  const publicKey =
    given ?? context.config.statementKey?.publicKey ?? (isAddress ? await publishedKey(what, asked) : null);
  if (publicKey === null)
    throw new CommandError(
      exitCodes.usage,
      "no key to check with: give --public-key, as it is published under /api/v1/payouts/public-key. The one in the file proves nothing",
    );
  const { form, signed, problems } = verifyStatement(file, publicKey);
  const { statement, totals = [], keyId } = signed ?? {};
  const is =
    statement === undefined
      ? what
      : `statement ${statement.statementId} of ${statement.affiliate}, ${statement.month}: ${totals.map(({ owed, currency }) => `${owed} ${currency}`).join(", ") || "no amount"} owed`;
  return {
    exitCode: problems.length === 0 ? exitCodes.fine : exitCodes.found,
    document: { file: what, form, isGenuine: problems.length === 0, statement, totals, keyId, problems },
    lines:
      problems.length === 0
        ? [`genuine: ${is}`, `signed with the key ${keyId}; every line is what was signed`]
        : [`NOT what was signed: ${is}`, ...problems.map((problem) => `  ${problem}`)],
  };
}

const throwUnreadable =
  (file: string) =>
  (error: unknown): never => {
    throw new CommandError(exitCodes.usage, `${file} cannot be read: ${(error as Error).message}`);
  };

async function publicKeyFrom(given: string): Promise<string> {
  const key = readPublicKey(given) ?? readPublicKey(keyIn(await readFile(given, "utf8").catch(throwUnreadable(given))));
  if (key === null)
    throw new CommandError(
      exitCodes.usage,
      "--public-key is no Ed25519 public key, as base64 or PEM, nor a file that has one",
    );
  return key;
}

/** The key of a text as the route publishes it, or the text itself. */
function keyIn(text: string): string {
  return /"publicKey"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? text;
}

async function publishedKey(address: string, asked: Options): Promise<string | null> {
  const published = await fetchStatement(new URL("/api/v1/payouts/public-key", address).href, asked);
  return readPublicKey(keyIn(published));
}

await runCommand(command);
