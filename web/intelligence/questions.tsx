import { z } from "zod";
import type { SavedItem } from "../../api/intelligence/question-shapes.ts";
import { questionOrders } from "../../queries/intelligence/saved-questions.ts";
import { fieldsOf, questionFields, readFields } from "../../rules/intelligence/question-fields.ts";
import { inWords } from "../../rules/intelligence/question-words.ts";
import { limits, question, type Question } from "../../rules/intelligence/question.ts";
import { ApiError } from "../../api/server/errors.ts";
import { Moment } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, Notice, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { currencyOf } from "../rtb/creatives.tsx";
import { toCsv } from "../shared/csv.ts";
import { callList, type Json } from "../shared/json.ts";
import { call, download, form, get, page, param, type Content, type Visit } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { exportList } from "../shared/export-list.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { Answer, answerColumns, type QuestionAnswer } from "./question-answer.tsx";
import { fieldsOfForm, formQuery, QuestionForm } from "./question-form.tsx";

const questions = "/api/v1/rtb/questions";
type Saved = Json<SavedItem>;
interface Offered {
  examples: { name: string; words: string; question: Question }[];
  values: Record<string, string[]>;
}

const inOrder = sortedQuery(questionOrders);
const asText = z.string().max(limits.length).optional();
const askQuery = { ...formQuery, question: asText };
const addressOf = (asked: unknown) => `/questions/ask?${new URLSearchParams({ question: JSON.stringify(asked) })}`;
const answerAddress = (asked: Question) =>
  `${questions}/answer?${new URLSearchParams({ question: JSON.stringify(asked) })}`;

/** Questions: the saved ones, a form for new ones, and their answers. */
export function questionPages(web: Web): void {
  page(web, { url: "/questions", who: readers, query: inOrder }, (at) => listPage(web, at));
  exportList(web, { url: "/questions.csv", who: readers, query: { sort: inOrder.sort } }, (at) => ({
    name: "questions.csv",
    path: questions,
    query: { sort: at.query.sort },
    columns: savedColumns,
  }));
  page(web, { url: "/questions/ask", who: readers, query: askQuery }, (at) => askPage(web, at));
  download(
    web,
    { url: "/questions/answer.csv", who: readers, query: { question: z.string().max(limits.length) } },
    async (at) => {
      const answer = await get<QuestionAnswer>(web, at.request, answerAddress(parsed(at.query.question)));
      const columns = answerColumns(answer, currencyOf(at.parts, at.viewer.client));
      return { name: "answer.csv", text: toCsv(columns, answer.rows) };
    },
  );
  page(web, { url: "/questions/:id", who: readers }, (at) => savedPage(web, at));
  keepForms(web);
}

function parsed(text: string): Question {
  try {
    return question.parse(JSON.parse(text));
  } catch {
    throw new ApiError("validation_error", "The address has no question of the language");
  }
}

const savedColumns: Column<Saved>[] = [
  {
    name: "name",
    label: "Question",
    kind: "text",
    value: (row) => row.name,
    show: ({ questionId, name }) => <a href={`/questions/${questionId}`}>{name}</a>,
  },
  { name: "words", label: "In words", kind: "text", isLong: true, value: (row) => row.words },
  {
    name: "isWatched",
    label: "Watched",
    kind: "text",
    value: (row) => row.isWatched,
    show: (row) => <Watched of={row} />,
  },
  {
    name: "updatedAt",
    label: "Changed",
    kind: "day",
    value: (row) => row.updatedAt,
    show: ({ updatedAt }) => <WhenChanged at={updatedAt} />,
    isExtra: true,
  },
];

const WhenChanged = ({ at }: { at: string }) => <>{at.slice(0, 10)}</>;

function Watched({ of: { isWatched, watchState } }: { of: Saved }) {
  if (!isWatched) return <>no</>;
  return <>{watchState === "holding" ? "yes: an alert is open" : "yes"}</>;
}

async function listPage(web: Web, at: Visit<typeof inOrder>): Promise<Content> {
  const [list, offered] = await Promise.all([
    callList<Saved>(web, at, { path: questions, query: { sort: at.query.sort, cursor: at.query.cursor } }),
    get<Offered>(web, at.request, `${questions}/examples`),
  ]);
  const first = offered.examples[0];
  return {
    title: "Questions",
    body: (
      <>
        <PageHead title="Questions" lead="What you want to know about ad performance, asked again whenever you like.">
          <a class="button" href="#new" data-key="n">
            New question
          </a>
          <ExportLink url={at.url} />
        </PageHead>
        <ListTable
          at={at}
          list={list}
          orders={questionOrders}
          columns={savedColumns}
          caption="Saved questions"
          empty={
            <Empty title="No question is saved yet">
              Try one of these, then save it:
              <Examples of={offered} />
            </Empty>
          }
        />
        {list.items.length === 0 ? null : (
          <details>
            <summary>Examples</summary>
            <Examples of={offered} />
          </details>
        )}
        <section aria-labelledby="words">
          <h2 id="words">In your words</h2>
          <Sentence />
        </section>
        <section aria-labelledby="new">
          <h2 id="new">New question</h2>
          <QuestionForm
            of={first === undefined ? questionFields.parse({}) : fieldsOf(first.question)}
            values={offered.values}
          />
        </section>
      </>
    ),
  };
}

const Examples = ({ of }: { of: Offered }) => (
  <ul>
    {of.examples.map(({ name, words, question: asked }) => (
      <li key={name}>
        <a href={addressOf(asked)}>{name}</a> <span class="quiet">{words}</span>
      </li>
    ))}
  </ul>
);

const Sentence = () => (
  <form method="post" action="/questions/sentence" class="filters">
    <label>
      A sentence, which a model turns into a question; it is shown before it is asked
      <input type="text" name="sentence" required maxLength={500} />
    </label>
    <button type="submit">Show the question</button>
  </form>
);

/** A question of the address: as JSON of a link, or as the form's fields. What is wrong is said above the form. */
async function askPage(web: Web, at: Visit<typeof askQuery>): Promise<Content> {
  const { question: text, ...fields } = at.query;
  const given = fieldsOfForm(fields);
  const read = text === undefined ? readFields(given) : ({ ok: true, question: parsed(text) } as const);
  const offered = await get<Offered>(web, at.request, `${questions}/examples`);
  if (!read.ok)
    return {
      title: "Question",
      status: 400,
      body: (
        <>
          <PageHead title="That is no question yet" />
          <Notice tone="warning" title="What is missing">
            {read.problem}
          </Notice>
          <QuestionForm of={questionFields.parse(given)} values={offered.values} />
        </>
      ),
    };
  const json = answerAddress(read.question);
  const answer = await get<QuestionAnswer>(web, at.request, json);
  return {
    title: "Question",
    body: (
      <>
        <PageHead title="Question" lead={answer.words}>
          <a class="button" href="/questions">
            All questions
          </a>
          <Export of={read.question} />
        </PageHead>
        <Answer of={answer} json={json} at={at} currency={currencyOf(at.parts, at.viewer.client)} />
        {at.viewer.isKeeper ? <Save of={read.question} /> : null}
        <details>
          <summary>Change the question</summary>
          <QuestionForm of={fieldsOf(read.question)} values={offered.values} />
        </details>
        <Typed of={read.question} />
      </>
    ),
  };
}

const Export = ({ of }: { of: Question }) => (
  <a
    class="button"
    href={`/questions/answer.csv?${new URLSearchParams({ question: JSON.stringify(of) })}`}
    data-key="e"
    download
  >
    Export CSV
  </a>
);

/** The same JSON, with what turns the direction as its number: it can be copied, and turns nothing here. */
const withTurnsEscaped = (json: string) =>
  json.replaceAll(/[\p{Bidi_Control}]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);

const Typed = ({ of }: { of: Question }) => (
  <details>
    <summary>As the API takes it</summary>
    <pre tabIndex={0}>{withTurnsEscaped(JSON.stringify(of, null, 2))}</pre>
  </details>
);

const Save = ({ of }: { of: Question }) => (
  <form method="post" action="/questions/save" class="filters">
    <input type="hidden" name="question" value={JSON.stringify(of)} />
    <label>
      Save it as
      <input type="text" name="name" required minLength={3} maxLength={120} />
    </label>
    <label class="box">
      <input type="checkbox" name="watched" value="yes" /> and watch it
    </label>
    <button type="submit">Save</button>
  </form>
);

async function savedPage(web: Web, at: At<object>): Promise<Content> {
  const id = encodeURIComponent(param(at, "id"));
  const saved = await get<Saved>(web, at.request, `${questions}/${id}`);
  const asked = question.parse(saved.question);
  const json = `${questions}/${id}/answer`;
  const answer = await get<QuestionAnswer>(web, at.request, json);
  return {
    title: saved.name,
    body: (
      <>
        <PageHead title={saved.name} lead={answer.words}>
          <a class="button" href="/questions">
            All questions
          </a>
          <a class="button" href={addressOf(asked)}>
            Change it
          </a>
          <Export of={asked} />
        </PageHead>
        <Answer of={answer} json={json} at={at} currency={currencyOf(at.parts, at.viewer.client)} />
        <p class="quiet">
          Saved by {saved.createdBy}.{" "}
          {saved.isWatched ? "Watched: asked after imports and after each day" : "Not watched"}
          {saved.askedAt === null ? "" : ", last "}
          {saved.askedAt === null ? null : <Moment at={new Date(saved.askedAt)} zone={at.zone} />}
          {saved.watchState === "holding" ? (
            <>
              ; <a href="/alerts">an alert is open</a>
            </>
          ) : null}
          .
        </p>
        {at.viewer.isKeeper ? <Keep of={saved} /> : null}
        <Typed of={asked} />
      </>
    ),
  };
}

const Keep = ({ of: { questionId, isWatched, updatedAt } }: { of: Saved }) => (
  <div class="actions">
    <form method="post" action={`/questions/${questionId}/watch`}>
      <input type="hidden" name="watched" value={isWatched ? "no" : "yes"} />
      <input type="hidden" name="expectedUpdatedAt" value={updatedAt} />
      <button type="submit">{isWatched ? "Stop watching" : "Watch it"}</button>
    </form>
    <form method="post" action={`/questions/${questionId}/delete`}>
      <button type="submit">Delete</button>
    </form>
  </div>
);

const flag = z.enum(["yes", "no"]).optional();

function keepForms(web: Web): void {
  const saving = z.object({ name: z.string().default(""), question: z.string().max(limits.length), watched: flag });
  form(
    web,
    { url: "/questions/save", who: keepers, body: saving },
    async ({ request }, { name, question: text, watched }) => {
      const body = { name, question: parsed(text), isWatched: watched === "yes" };
      const { body: saved } = await call<Saved>(web, request, { method: "POST", url: questions, body });
      return `/questions/${saved.questionId}`;
    },
  );
  form(
    web,
    {
      url: "/questions/:id/watch",
      who: keepers,
      body: z.object({ watched: flag, expectedUpdatedAt: z.string().optional() }),
    },
    async (at, { watched, expectedUpdatedAt }) => {
      const url = `${questions}/${encodeURIComponent(param(at, "id"))}`;
      const { name, question: asked } = await get<Saved>(web, at.request, url);
      const body = { name, question: asked, isWatched: watched === "yes", expectedUpdatedAt };
      const { body: changed } = await call<Saved>(web, at.request, { method: "PUT", url, body });
      return `/questions/${changed.questionId}`;
    },
  );
  form(web, { url: "/questions/:id/delete", who: keepers, body: z.object({}) }, async (at) => {
    await call(web, at.request, { method: "DELETE", url: `${questions}/${encodeURIComponent(param(at, "id"))}` });
    return "/questions";
  });
  const sentence = z.object({ sentence: z.string().default("") });
  form(web, { url: "/questions/sentence", who: readers, body: sentence }, (at, body) =>
    showSentence(web, at, body.sentence),
  );
}

type Understood = { understood: true; question: Question; words: string } | { understood: false; reason: string };

/** What a model made of a sentence: in words, with the form to change it, and not asked yet. */
async function showSentence(web: Web, { request }: At<object>, sentence: string): Promise<Content> {
  const asked = { method: "POST", url: `${questions}/sentence`, body: { sentence } } as const;
  const [{ status, body }, offered] = await Promise.all([
    call<Understood>(web, request, asked),
    get<Offered>(web, request, `${questions}/examples`),
  ]);
  const isRunning = status === 202;
  const made = !isRunning && body.understood ? body.question : null;
  const why = isRunning
    ? "The model takes longer than usual. Send the sentence again in a moment."
    : body.understood
      ? ""
      : body.reason;
  return {
    title: "A question in your words",
    body: (
      <>
        <PageHead title="A question in your words" lead={sentence} />
        {made === null ? (
          <Notice tone="warning" title="No question yet">
            {why}
          </Notice>
        ) : (
          <>
            <Notice tone="good" title="This would be asked">
              {inWords(question.parse(made))}
            </Notice>
            <p>
              <a class="button" href={addressOf(made)}>
                Ask it
              </a>
            </p>
          </>
        )}
        <QuestionForm
          of={made === null ? questionFields.parse({}) : fieldsOf(question.parse(made))}
          values={offered.values}
        />
      </>
    ),
  };
}
