import readline from "node:readline/promises";
import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { sha256 } from "../../core/crypto.ts";
import { cents } from "../../core/money.ts";
import { maskContacts } from "../../core/personal.ts";
import { QuestionRefused } from "../../queries/intelligence/question-cells.ts";
import { runQuestion, type QuestionAnswer } from "../../queries/intelligence/run-question.ts";
import { findQuestion, listQuestions, saveQuestion } from "../../queries/intelligence/saved-questions.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { sentenceShape } from "../../rules/intelligence/question-prompt.ts";
import { inWords, sideWords } from "../../rules/intelligence/question-words.ts";
import { questionName, type Question } from "../../rules/intelligence/question.ts";
import { sentenceWorkflowId } from "../../rules/intelligence/workflow-ids.ts";
import { inTransaction } from "../../schema/database.ts";
import type { understandQuestion } from "../../workflows/intelligence/understand-question.ts";
import { flagShape, questionFlags, questionOfFile, questionOfFlags, type Flags } from "../shared/asked-question.ts";
import { commandLineActor } from "../shared/audit.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { openColumnStore } from "../../schema/clickhouse/column-store.ts";
import { followWorkflow, howToFollow, startWorkflow } from "../shared/follow-workflow.ts";
import { table } from "../shared/printing.ts";

const command = defineCommand(
  "ask",
  "Answers a question about ad performance: a saved one by its number or name, one from a file or flags, or a sentence, which a model turns into a question that is shown before it is asked. Without anything it lists the saved ones. Exits 1 when a sentence is not understood.",
  [
    "npm run ask",
    'npm run ask -- "Formats that work at weekends"',
    "npm run ask -- --of campaign --metric cpc --slice os=ios --against os=android --above 50% --least-clicks 30",
    "npm run ask -- --of creative --metric ctr --above 2 --where country=BR,IN --save Good creatives",
    'npm run ask -- "campaigns whose CPM rose by a third" --yes --json',
  ],
)
  .argument("[what...]", "the number or name of a saved question, or a sentence")
  .option(...clientOption)
  .option("--file <path>", "a question in its typed form, as JSON: docs/asking.md")
  .option("--show", "prints the question and does not ask it")
  .option("--yes", "asks what a model made of a sentence without a question back, for scripts")
  .option("--provider <name>", "the model that reads a sentence: claude or gemini")
  .option("--save <name...>", "saves the question under this name")
  .option("--watch", "with --save: asks it again by itself, with alerts")
  .option("--limit <number>", "how many rows at most");
for (const [flag, says] of questionFlags)
  if (flag.startsWith("--where"))
    command.option(flag, says, (one: string, all: string[] | undefined) => [...(all ?? []), one]);
  else command.option(flag, says);

const options = z.object({
  client: z.string().optional(),
  file: z.string().optional(),
  show: z.boolean().optional(),
  yes: z.boolean().optional(),
  provider: z.enum(["claude", "gemini"], "must be claude or gemini").optional(),
  save: z
    .array(z.string())
    .transform((words) => words.join(" "))
    .pipe(questionName)
    .optional(),
  watch: z.boolean().optional(),
  limit: wholeNumber({ most: 500 }).optional(),
  ...flagShape,
});
type Options = z.output<typeof options>;

command.action(
  work(options, async (context, given, operands): Promise<Report> => {
    const client = context.client(given.client);
    const what = operands.join(" ").trim();
    const found = await questionOf(context, { client, what, given });
    if (found === null) return listAll(context, client);
    if ("document" in found) return found;
    const limited = given.limit === undefined ? found.question : { ...found.question, limit: given.limit };
    if (given.save !== undefined)
      await save(context, { client, question: limited, given: { ...given, save: given.save } });
    if (given.show === true || !(await confirmed(context, found, given)))
      return {
        document: { client, words: inWords(limited), question: limited },
        lines: [inWords(limited), "", JSON.stringify(limited, null, 2)],
      };
    return answerTo(context, client, limited);
  }),
);

interface Wanted {
  question: Question;
  /** By a model: it is shown before it is asked. */
  isMade: boolean;
}

interface Given {
  client: string;
  what: string;
  given: Options;
}

/** The question that is meant, null for none, or a report of why a sentence is not understood. */
async function questionOf(context: CommandContext, { client, what, given }: Given): Promise<Wanted | Report | null> {
  const written =
    given.file === undefined ? questionOfFlags(given as Flags, given.limit) : await questionOfFile(given.file);
  if (written !== null) return { question: written, isMade: false };
  if (what === "") return null;
  const database = await context.database();
  const by = /^\d{1,15}$/.test(what) ? { questionId: Number(what) } : { name: what };
  const saved = await findQuestion(database, { client, ...by });
  if (saved !== null) return { question: saved.question, isMade: false };
  if ("questionId" in by)
    throw new CommandError(exitCodes.usage, `client ${client} has no question ${what}: npm run ask lists them`);
  const sentence = sentenceShape.safeParse(what);
  if (!sentence.success) throw new CommandError(exitCodes.usage, `${what} is neither a saved question nor a sentence`);
  return understand(context, { client, sentence: sentence.data, provider: given.provider });
}

async function understand(
  context: CommandContext,
  { client, sentence, provider }: { client: string; sentence: string; provider: string | undefined },
): Promise<Wanted | Report> {
  const masked = maskContacts(sentence);
  const started = await startWorkflow(context, {
    workflowType: "understandQuestion",
    workflowId: sentenceWorkflowId(client, sha256(JSON.stringify([masked, provider]))),
    input: { client, sentence: masked, ...(provider === undefined ? {} : { ai_provider: provider }) },
    summary: `a question in words, client ${client}`,
    searchAttributes: { ClientId: client },
  });
  const end = await followWorkflow<Awaited<ReturnType<typeof understandQuestion>>>(context, started, {
    progress: () => Promise.resolve(`client ${client}: a model reads the sentence`),
  });
  const { workflowId } = started;
  if (end.state === "left")
    return {
      exitCode: exitCodes.interrupted,
      document: { workflowId, state: "running" },
      lines: howToFollow(workflowId, "npm run ask"),
    };
  if (end.state !== "completed")
    return {
      exitCode: exitCodes.found,
      document: { workflowId, ...end },
      lines: [`${workflowId} ${end.state}: ${end.reason}`],
    };
  const { result } = end;
  if (result.understood) return { question: result.question, isMade: true };
  return {
    exitCode: exitCodes.found,
    document: { client, understood: false, reason: result.reason },
    lines: [`not understood: ${result.reason}`],
  };
}

/** What a model made is shown first; without a terminal only --yes asks it. */
async function confirmed(context: CommandContext, { question, isMade }: Wanted, { yes }: Options): Promise<boolean> {
  if (!isMade) return true;
  context.note(inWords(question));
  context.note(JSON.stringify(question));
  if (yes === true) return true;
  if (!process.stdin.isTTY) {
    context.note("it was not asked: --yes asks it");
    return false;
  }
  const dialogue = readline.createInterface({ input: process.stdin, output: process.stderr });
  const answer = await dialogue.question("Ask it? [y/N] ");
  dialogue.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function save(
  context: CommandContext,
  { client, question, given }: { client: string; question: Question; given: Options & { save: string } },
): Promise<void> {
  const { actor, role } = commandLineActor();
  const of = { client, name: given.save, question, isWatched: given.watch ?? false, actor };
  const saved = await inTransaction(await context.database(), async (session) => {
    const done = await saveQuestion(session, of);
    if (done.ok)
      await recordAudit(session, {
        ...{ client, actor, role, action: "question_saved", subject: `question/${done.questionId}` },
        details: { name: of.name, question, isWatched: of.isWatched },
      });
    return done;
  });
  if (!saved.ok)
    throw new CommandError(
      exitCodes.usage,
      saved.problem === "name_taken"
        ? `there is a question called ${of.name} already`
        : "there are too many questions: delete one",
    );
  context.note(`saved as question ${saved.questionId}, ${of.name}`);
}

async function listAll(context: CommandContext, client: string): Promise<Report> {
  const listed = await listQuestions(await context.database(), { client });
  const questions = listed.map(({ inOrder: _inOrder, ...row }) => ({ ...row, words: inWords(row.question) }));
  return {
    document: { client, questions },
    lines:
      questions.length === 0
        ? [`client ${client} has no saved questions. See npm run ask -- --help and docs/asking.md`]
        : table(
            ["number", "name", "watched", "question"],
            questions.map((one) => [one.questionId, one.name, one.isWatched ? one.watchState : "no", one.words]),
          ),
  };
}

async function answerTo(context: CommandContext, client: string, question: Question): Promise<Report> {
  const timezone = context.config.ingest.clients.get(client)?.timezone ?? "America/New_York";
  const { clickhouse } = context.config;
  const store = clickhouse === null ? null : openColumnStore({ ...clickhouse, name: "signal-room ask" });
  try {
    const asker = { client, today: dayAt(new Date(), timezone) };
    const answer = await runQuestion(await context.database(), asker, question, store);
    return { document: { client, ...answer }, lines: linesOf(answer) };
  } catch (error) {
    if (error instanceof QuestionRefused) throw new CommandError(exitCodes.usage, error.message);
    throw error;
  } finally {
    await store?.close();
  }
}

function linesOf(answer: QuestionAnswer): string[] {
  const { question, words, days, rows, matched, compared, belowFloor, withoutFigure, unknown } = answer;
  if (days === null) return [words, "There are no rows of performance on a day that is over."];
  const names = sideWords(question);
  const hasOther = names.other !== null;
  const isUncertain = rows.some(({ isClear }) => isClear !== null);
  return [
    words,
    ...unknown.map((value) => `Nothing is called ${value}.`),
    "",
    ...(rows.length === 0
      ? ["No row."]
      : table(
          [
            ...[question.subject, names.value],
            ...(hasOther ? [names.other ?? "", "%", "difference"] : []),
            ...(isUncertain ? ["from", "to", "clear"] : []),
            ...["impressions", "clicks", "spend"],
          ],
          rows.map((row) => [
            ...[row.name ?? "not known", row.value],
            ...(hasOther ? [row.other, row.percent, row.amount] : []),
            ...(isUncertain ? [row.low, row.high, row.isClear === true ? "yes" : "no"] : []),
            ...[row.sums.impressions, row.sums.clicks, cents(row.sums.spend)],
          ]),
        )),
    "",
    `${rows.length} of ${matched} rows, of ${compared} compared; ${belowFloor} below the floor, ${withoutFigure} without a figure.`,
    `${days.from} to ${days.to}: ${days.withRows.length} days have rows${days.missing.length === 0 ? "" : `, ${days.missing.length} have none`}.`,
  ];
}

await runCommand(command);
