import { z } from "zod";
import { question } from "../../../rules/intelligence/question.ts";
import { answered, saved } from "../../intelligence/question-shapes.ts";
import { placeInList } from "../../server/lists.ts";
import { defineTool, type Asking } from "../tool.ts";

const readers = ["admin", "operator", "analyst"] as const;

const list = z.object({
  items: z.array(saved).describe("by name"),
  next: z.string().nullable().describe("give it as `cursor` for the next page"),
});

/** What people have saved to ask again. */
export const savedQuestions = defineTool({
  name: "saved_questions",
  title: "Saved questions",
  description:
    "Questions about ad performance that people saved, each as a sentence. Use `answer_saved_question` to run one.",
  roles: readers,
  outside: ["items[].name", "items[].words", "items[].question", "items[].createdBy", "items[].updatedBy"],
  input: z.strictObject({ limit: z.int().min(1).max(100).default(20), cursor: placeInList }),
  output: list,
  answer: async (asking, asked) => {
    const page = await asking.get<z.infer<typeof list>>("/api/v1/rtb/questions", asked);
    return { summary: `${page.items.length} saved questions on this page.`, data: page };
  },
});

/** More rows would not fit into what an assistant reads. */
const mostRows = 100;

const answer = answered.extend({
  rows: answered.shape.rows.max(mostRows),
  rowsLeftOut: z.number().describe("how many more rows the answer has than are listed here"),
  currency: z.string(),
  finality: z
    .object({ isFinal: z.literal(false), missing: z.array(z.string()), why: z.string() })
    .describe("a file that comes later may correct any day; missing days have no rows and are not zero"),
  source: z.string(),
});
const typed = ["words", "question", "rows[].name", "rows[].key", "unknown"];
type Answer = z.infer<typeof answered>;

async function answerOf(asking: Asking, path: string, query: Record<string, string> = {}) {
  const found = await asking.get<Answer>(path, query);
  const { days, rows, matched, compared, belowFloor, origin } = found;
  const { currency } = asking;
  const listed = rows.slice(0, mostRows);
  const when =
    days === null ? "no day that is over has rows" : `days ${days.from} to ${days.to}, ${days.withRows} with rows`;
  return {
    summary: `${matched} of ${compared} parts (${listed.length} listed, ${belowFloor} below the floor); ${when}; ${origin} data.`,
    data: {
      ...{ ...found, rows: listed, rowsLeftOut: rows.length - listed.length, currency },
      finality: {
        isFinal: false as const,
        missing: days?.without ?? [],
        why: "ad performance comes in files, and a later file may correct a day",
      },
      source: `imported files of ad performance${days?.recordsAt == null ? "" : `, last changed at ${days.recordsAt}`}`,
    },
  };
}

/** A saved one, now. */
export const answerSavedQuestion = defineTool({
  name: "answer_saved_question",
  title: "Answer a saved question",
  description: "Answers a saved question by its number, with exact figures of complete days and how sure each row is.",
  roles: readers,
  outside: typed,
  input: z.strictObject({ questionId: z.int().min(1) }),
  output: answer,
  answer: (asking, { questionId }) => answerOf(asking, `/api/v1/rtb/questions/${questionId}/answer`),
});

/** A new one, in the typed language: what is not in it cannot be asked. */
export const askQuestion = defineTool({
  name: "ask",
  title: "Ask about ad performance",
  description:
    "Answers a question about ad performance that you write in a small typed language: a subject, a metric, conditions, a comparison, a period, a floor. It reads complete days only and saves nothing. See `saved_questions` for examples.",
  roles: readers,
  outside: typed,
  input: z.strictObject({ question }),
  output: answer,
  answer: (asking, asked) =>
    answerOf(asking, "/api/v1/rtb/questions/answer", { question: JSON.stringify(asked.question) }),
});
