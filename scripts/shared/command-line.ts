import { Command, CommanderError } from "commander";
import { z } from "zod";
import { loadConfig, type Config } from "../../settings/config.ts";
import type { Env } from "../../settings/shapes.ts";
import { addDays, dayAt, isDay } from "../../core/days.ts";
import { withDirectionNamed } from "../../core/direction.ts";
import { readEnvironment } from "../../settings/environment.ts";
import { typedHere } from "../../settings/typed-here.ts";
import { createEraser, createRedactor, redactCarriers, type Redact } from "../../core/redact.ts";
import { feeds, findFeed, findSource, sources, vendors } from "../../connectors/registry.ts";
import type { AnySource, DailyFeed } from "../../connectors/source.ts";
import { openDatabase, sqlState, type Database } from "../../schema/database.ts";
import type { TemporalAddress } from "../../temporal/address.ts";
import type { TemporalClient } from "../../temporal/connection.ts";
import { commandLineActor } from "./audit.ts";
import { CommandError, exitCodes, explain, messageOf, type ExitCode } from "./failures.ts";
import { createProgress, redactDocument, type Progress } from "./printing.ts";

export { CommandError, exitCodes, type ExitCode } from "./failures.ts";

/** What a command came to: the document for `--json`, the lines for people. */
export interface Report {
  document: unknown;
  lines: string[];
  exitCode?: ExitCode;
  /** A password that the command has just made: it is printed, this once, also where passwords are left out. */
  made?: string;
}

/** What every command works with. Servers are opened when they are asked for. */
export interface CommandContext {
  env: Env;
  config: Config;
  redact: Redact;
  progress: Progress;
  /** A line on stderr, beside the answer. */
  note: (text: string) => void;
  /** The client that was named, or the first one. */
  client: (named: string | undefined) => string;
  database: () => Promise<Database>;
  /** Where Temporal is; nothing is loaded or opened for it. */
  temporalAddress: () => Promise<TemporalAddress>;
  temporal: () => Promise<TemporalClient & { address: string; namespace: string }>;
}

export const sourceOption = ["--source <name>", `the feed: ${feeds.map(({ name }) => name).join(", ")}`] as const;
export const clientOption = ["--client <id>", "the client; the first of CLIENTS when left out"] as const;
export const anyClientOption = ["--client <id>", "only this client; all of CLIENTS when left out"] as const;

/** Shapes of options that several commands take. */
export const sourceName = z.string().refine((name) => findFeed(name) !== undefined, {
  error: (issue) =>
    `there is no source "${String(issue.input)}": there are ${feeds.map(({ name }) => name).join(", ")}`,
});
export { wholeNumber } from "../../core/whole-number.ts";
export const civilDay = z.string().refine(isDay, "must be a day, written YYYY-MM-DD");

/** A feed whose name has been checked. */
export function feedNamed(name: string): DailyFeed {
  return findFeed(name) ?? sourceNamed(name);
}

/** A source that has a table of its own. */
export function sourceNamed(name: string): AnySource {
  const source = findSource(name);
  if (source === undefined)
    throw new CommandError(
      exitCodes.usage,
      `there is no source "${name}": there are ${sources.map((one) => one.name).join(", ")}`,
    );
  return source;
}

/** Both ends of a range that was typed: nothing is to be had of a day that has not begun. */
export function checkRange(from: string, to: string, timezone = "America/New_York"): void {
  const today = dayAt(new Date(), timezone);
  if (to > today) throw new CommandError(exitCodes.usage, `--to ${to} has not begun: today is ${today} in ${timezone}`);
  if (from > to) throw new CommandError(exitCodes.usage, `--from ${from} is after --to ${to}: swap them`);
}

/** Examples are written for 18 December 2025 and printed for yesterday: pasted as they are, they show something. */
function followingToday(example: string): string {
  const yesterday = addDays(dayAt(new Date(), "America/New_York"), -1);
  const shift = (Date.parse(yesterday) - Date.parse("2025-12-18")) / 86_400_000;
  return example.replaceAll(/\d{4}-\d{2}-\d{2}/g, (day) => addDays(day, shift));
}

/** A command with its examples and `--json`. */
export function defineCommand(name: string, description: string, examples: string[]): Command {
  return new Command(name)
    .description(description)
    .option("--json", "print one JSON document on stdout; progress goes to stderr")
    .addHelpText("after", `\nExample:\n${examples.map((example) => `  ${followingToday(example)}`).join("\n")}`)
    .showHelpAfterError("(--help shows every option)")
    .configureOutput({
      writeOut: (text) => process.stdout.write(typedHere(text)),
      writeErr: (text) => process.stderr.write(typedHere(redactCarriers(text))),
    })
    .exitOverride();
}

/** A commander action: checks the options, does the work, prints what it came to. */
export function work<Options>(
  options: z.ZodType<Options>,
  perform: (context: CommandContext, options: Options, operands: string[]) => Promise<Report>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const typed = command.optsWithGlobals<Record<string, unknown>>();
    const asJson = typed["json"] === true;
    process.exitCode = await carryOut(asJson, async (context) =>
      perform(context, checkOptions(options, typed), command.args),
    );
  };
}

/** The task that a command was asked for, of those it has. */
export function taskOf<const Task extends string>(tasks: readonly Task[], typed: string | undefined): Task {
  const task = tasks.find((known) => known === typed);
  if (task === undefined)
    throw new CommandError(exitCodes.usage, `there is no task "${typed ?? ""}": there are ${tasks.join(", ")}`);
  return task;
}

/** Parses what was typed and runs the command that it names. */
export async function runCommand(command: Command): Promise<void> {
  try {
    await command.parseAsync(process.argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said what was wrong; asking for help is no mistake.
    process.exitCode = error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
  }
}

/** The settings in force. A command that needs no database does without DATABASE_URL. */
export function readSettings(): { env: Env; config: Config } {
  const env = readEnvironment(process.env);
  // The SDK's own settings reader looks at process.env.
  for (const [name, value] of Object.entries(env)) if (!process.env[name]) process.env[name] = value;
  return { env, config: loadConfig({ DATABASE_URL: "postgres://127.0.0.1/not-set", ...env }, vendors, feeds) };
}

/** Where Postgres is, without the password. */
export function databasePlace(databaseUrl: string): string {
  const { hostname, port, pathname } = new URL(databaseUrl);
  return `${hostname}:${port || "5432"}${pathname}`;
}

async function carryOut(asJson: boolean, perform: (context: CommandContext) => Promise<Report>): Promise<ExitCode> {
  let redact: Redact = redactCarriers;
  let erase: Redact = (text) => text;
  const closing: (() => Promise<unknown>)[] = [];
  let progress: Progress | undefined;
  try {
    const { env, config } = readSettings();
    const clean = createRedactor(config.secrets);
    redact = (text) => typedHere(clean(text));
    erase = createEraser(config.secrets);
    progress = createProgress(process.stderr, redact);
    const { document, lines, exitCode, made } = await perform(
      createContext({ env, config, redact, progress }, closing),
    );
    progress.end();
    const around = (text: string) => (made === undefined ? redact(text) : text.split(made).map(redact).join(made));
    // Texts are cleaned where they stand, and known secrets once more in the whole.
    process.stdout.write(
      asJson
        ? `${erase(JSON.stringify(redactDocument(document, around), null, 2))}\n`
        : lines.map((line) => `${around(withDirectionNamed(line))}\n`).join(""),
    );
    return exitCode ?? exitCodes.fine;
  } catch (error) {
    progress?.end();
    const { exitCode, message } = await explain(error);
    process.stderr.write(`${redact(message)}\n`);
    if (asJson) process.stdout.write(`${JSON.stringify({ error: redact(message) }, null, 2)}\n`);
    return exitCode;
  } finally {
    for (const close of closing) await close().catch(() => undefined);
  }
}

function createContext(
  given: Pick<CommandContext, "env" | "config" | "redact" | "progress">,
  closing: (() => Promise<unknown>)[],
): CommandContext {
  const { env, config, redact, progress } = given;
  let database: Promise<Database> | undefined;
  let temporal: ReturnType<CommandContext["temporal"]> | undefined;
  return {
    ...given,
    note(text) {
      progress.end();
      process.stderr.write(`${redact(text)}\n`);
    },
    client(named) {
      const client = named ?? config.clients[0] ?? "";
      if (!config.clients.includes(client))
        throw new CommandError(
          exitCodes.usage,
          `there is no client "${client}": there are ${config.clients.join(", ")} (the setting CLIENTS)`,
        );
      return client;
    },
    database: () => (database ??= reachDatabase(env, config, closing)),
    temporalAddress: () => findTemporal(env),
    temporal: () => (temporal ??= reachTemporal(env, config, closing)),
  };
}

/** A migration holds a lock for longer than the transaction that a pooler lends a connection for. */
export function refuseLent({ databasePoolMode }: Config): void {
  if (databasePoolMode === "transaction")
    throw new CommandError(
      exitCodes.usage,
      "a migration holds a lock for longer than a transaction: set DATABASE_URL to the server itself, and DATABASE_POOL_MODE=session, for this command",
    );
}

async function reachDatabase(env: Env, config: Config, closing: (() => Promise<unknown>)[]): Promise<Database> {
  if (!env["DATABASE_URL"])
    throw new CommandError(
      exitCodes.usage,
      "no database is known: start a local stack with `npm start`, or set DATABASE_URL",
    );
  const database = openDatabase({
    url: config.databaseUrl,
    poolMode: config.databasePoolMode,
    poolSize: config.databasePoolSize,
    name: "signal-room command",
    connectTimeoutMs: 5_000,
  });
  closing.push(() => database.end());
  try {
    await database.query("select 1");
  } catch (error) {
    if (sqlState(error) !== null) throw error;
    throw new CommandError(
      exitCodes.unreachable,
      `Postgres does not answer at ${databasePlace(config.databaseUrl)} (DATABASE_URL): is it running? A local one starts with \`npm start\``,
    );
  }
  return database;
}

async function reachTemporal(
  env: Env,
  config: Config,
  closing: (() => Promise<unknown>)[],
): ReturnType<CommandContext["temporal"]> {
  const { address, namespace } = await findTemporal(env);
  const { connectClient } = await import("../../temporal/connection.ts");
  try {
    const connected = await connectClient(config, { identity: commandLineActor().actor });
    closing.push(connected.close);
    return { ...connected, address, namespace };
  } catch {
    throw temporalAway(address);
  }
}

export const temporalAway = (address: string): CommandError =>
  new CommandError(
    exitCodes.unreachable,
    `Temporal does not answer at ${address} (TEMPORAL_ADDRESS): is it running? A local one starts with \`npm start\``,
  );

async function findTemporal(env: Env): Promise<TemporalAddress> {
  // Nothing of ours runs and nothing is set: what listens on Temporal's usual port is not ours.
  if (!["DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"].some((name) => env[name]))
    throw new CommandError(
      exitCodes.usage,
      "no Temporal server is known: start a local stack with `npm start`, or set TEMPORAL_ADDRESS",
    );
  const { temporalAddress } = await import("../../temporal/address.ts");
  try {
    return temporalAddress();
  } catch (error) {
    throw new CommandError(
      exitCodes.usage,
      `the Temporal settings cannot be read (TEMPORAL_* or temporal.toml): ${messageOf(error)}`,
    );
  }
}

/** What was typed, or all that is wrong with it. */
export function checkOptions<Options>(shape: z.ZodType<Options>, typed: Record<string, unknown>): Options {
  const parsed = shape.safeParse(typed);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message, code }) => {
    const option = `--${String(path[0]).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return typed[String(path[0])] === undefined && code === "invalid_type"
      ? `${option} is missing`
      : `${option}: ${message}`;
  });
  throw new CommandError(exitCodes.usage, `${problems.join("\n")}\n(--help shows every option)`);
}

/** `perform` for each item, a few at a time; results in the order of the items. */
export async function inParallel<Item, Result>(
  limit: number,
  items: readonly Item[],
  perform: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await perform(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}
