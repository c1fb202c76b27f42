import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { describeIssues } from "../../core/typed.ts";
import { settleAlerts } from "../../queries/ops/alerts.ts";
import { QuestionRefused } from "../../queries/intelligence/question-cells.ts";
import { knownValues } from "../../queries/intelligence/question-values.ts";
import { runQuestion } from "../../queries/intelligence/run-question.ts";
import {
  changeQuestion,
  deleteQuestion,
  findQuestion,
  listQuestions,
  mostQuestions,
  questionOrders,
  saveQuestion,
  type Changed,
  type Saved,
} from "../../queries/intelligence/saved-questions.ts";
import { examples } from "../../rules/intelligence/question-examples.ts";
import { inWords } from "../../rules/intelligence/question-words.ts";
import { limits, question, questionName, type Question } from "../../rules/intelligence/question.ts";
import { questionAlert } from "../../rules/intelligence/watch-question.ts";
import { allow, callerOf } from "../server/access.ts";
import { actorOf, audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { paging } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { number } from "../server/shapes.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { whileAwake } from "../server/whole-transaction.ts";
import { zoneOf } from "../server/zone.ts";
import { answered, saved, toAnswer, toSaved, wholeQuestion } from "./question-shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const tags = ["questions"];
const params = z.object({ id: number });

/** Typed questions about ad performance: asked, saved, watched. What is asked is data; no text becomes SQL. */
export function questionRoutes(api: Api, parts: ServerParts): void {
  sortedListRoute(api, "/questions", {
    config: readers,
    tags,
    summary: "Saved questions, by name",
    querystring: paging.extend({ sort: sortIn(questionOrders) }),
    item: saved,
    orders: questionOrders,
    read: ({ order, limit }, request) =>
      listQuestions(parts.reading, { client: callerOf(request).client }, { order, limit }),
    toItem: toSaved,
  });
  exampleRoutes(api, parts);
  askRoutes(api, parts);
  savedRoutes(api, parts);
  keepRoutes(api, parts);
}

function exampleRoutes(api: Api, { reading }: ServerParts): void {
  api.get(
    "/questions/examples",
    {
      config: readers,
      schema: {
        tags,
        summary: "Three questions to begin with, and the values there are to ask about",
        response: {
          200: z.object({
            examples: z.array(z.object({ name: z.string(), words: z.string(), question: wholeQuestion })),
            values: z.record(z.string(), z.array(z.string())).describe("genres, formats and sizes that there are"),
          }),
        },
      },
    },
    async (request) => ({
      examples: examples.map((one) => ({ ...one, words: inWords(one.question) })),
      values: await knownValues(reading, callerOf(request)),
    }),
  );
}

/** A question in the address, for links and exports: JSON text. */
const inAddress = z
  .string()
  .max(limits.length)
  .transform((text, context): Question => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "is not JSON" });
      return z.NEVER;
    }
    const read = question.safeParse(parsed);
    if (read.success) return read.data;
    context.addIssue({ code: "custom", message: describeIssues(read.error).join("; ") });
    return z.NEVER;
  })
  .describe("the question as JSON, as `question` of any answer has it");

function askRoutes(api: Api, parts: ServerParts): void {
  const schema = {
    tags,
    description: "Complete days only; figures are exact. See docs/asking.md for the language.",
    response: { 200: answered },
  };
  api.post(
    "/questions/answer",
    {
      config: readers,
      schema: { ...schema, summary: "Answers a question", body: z.strictObject({ question }) },
    },
    (request) => answerTo(parts, request, request.body.question),
  );
  api.get(
    "/questions/answer",
    {
      config: readers,
      schema: {
        ...schema,
        summary: "The same, for links: the question stands in the address",
        querystring: z.strictObject({ question: inAddress }),
      },
    },
    (request) => answerTo(parts, request, request.query.question),
  );
}

async function answerTo(parts: ServerParts, request: FastifyRequest, asked: Question) {
  const { client } = callerOf(request);
  const today = dayAt(new Date(), zoneOf(parts, client));
  try {
    return toAnswer(
      await whileAwake(parts.reading, runQuestion(parts.database, { client, today }, asked, parts.store)),
    );
  } catch (error) {
    if (error instanceof QuestionRefused) throw new ApiError("validation_error", error.message);
    throw error;
  }
}

function savedRoutes(api: Api, parts: ServerParts): void {
  const read = async (request: FastifyRequest<{ Params: { id: number } }>) => {
    const found = await findQuestion(parts.reading, {
      client: callerOf(request).client,
      questionId: request.params.id,
    });
    if (found === null) throw notFound("question");
    return found;
  };
  api.get(
    "/questions/:id",
    {
      config: readers,
      schema: { tags, summary: "One saved question", params, response: { 200: saved } },
    },
    async (request) => toSaved(await read(request as FastifyRequest<{ Params: { id: number } }>)),
  );
  api.get(
    "/questions/:id/answer",
    {
      config: readers,
      schema: { tags, summary: "Answers a saved question, now", params, response: { 200: answered } },
    },
    async (request) =>
      answerTo(parts, request, (await read(request as FastifyRequest<{ Params: { id: number } }>)).question),
  );
}

const body = z.strictObject({
  name: questionName.describe("no other question of the client has it, whatever its capitals"),
  question,
  isWatched: z.boolean().default(false).describe("true: asked again by itself, with alerts"),
});

const changing = body.extend({
  expectedUpdatedAt: z.iso
    .datetime()
    .optional()
    .describe("its `updatedAt` when it was seen: 409 if another person has changed it since"),
});

function saidOf<Done extends Saved | Changed>(done: Done, name: string): Extract<Done, { ok: true }> {
  if (done.ok) return done as Extract<Done, { ok: true }>;
  if (done.problem === "changed_meanwhile")
    throw new ApiError(
      "conflict",
      `${done.by} has changed this question since, at ${done.at.toISOString()}: look at it again`,
    );
  if (done.problem === "name_taken")
    throw new ApiError("conflict", `there is a question called ${name} already`, { name: "is taken" });
  throw new ApiError("conflict", `there are ${mostQuestions} questions already: delete one first`);
}

function keepRoutes(api: Api, parts: ServerParts): void {
  const read = async (request: FastifyRequest, questionId: number) => {
    const found = await findQuestion(parts.database, { client: callerOf(request).client, questionId });
    if (found === null) throw notFound("question");
    return toSaved(found);
  };
  api.post(
    "/questions",
    {
      config: keepers,
      schema: { tags, summary: "Saves a question under a name", body, response: { 201: saved } },
    },
    async (request, reply) => {
      const of = { ...request.body, client: callerOf(request).client, actor: actorOf(request).actor };
      const questionId = await audited(parts, request, async (session, record) => {
        const { questionId: id } = saidOf(await saveQuestion(session, of), of.name);
        await record(session, { action: "question_saved", subject: `question/${id}`, details: request.body });
        return id;
      });
      return reply.code(201).send(await read(request, questionId));
    },
  );
  api.put(
    "/questions/:id",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Changes a saved question: all of it as sent",
        params,
        body: changing,
        response: { 200: saved },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const questionId = request.params.id;
      const { expectedUpdatedAt, ...asked } = request.body;
      const expected = expectedUpdatedAt === undefined ? null : new Date(expectedUpdatedAt);
      const of = { ...asked, client, questionId, actor: actorOf(request).actor, expectedUpdatedAt: expected };
      await audited(parts, request, async (session, record) => {
        const done = await changeQuestion(session, of);
        if (done === null) throw notFound("question");
        const { asksAnother } = saidOf(done, of.name);
        // What it said is of a question that is asked no more; the new one says its own with its next answer.
        const notes = of.isWatched ? "another question is asked under this name" : "not watched any more";
        if (!of.isWatched || asksAnother) await settleAlerts(session, { ...questionAlert(client, questionId), notes });
        await record(session, { action: "question_changed", subject: `question/${questionId}`, details: asked });
      });
      return read(request, questionId);
    },
  );
  api.delete(
    "/questions/:id",
    {
      config: keepers,
      schema: { tags, summary: "Deletes a saved question, and closes its alert", params, response: { 204: z.null() } },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const questionId = request.params.id;
      await audited(parts, request, async (session, record) => {
        const deleted = await deleteQuestion(session, { client, questionId });
        if (deleted === null) throw notFound("question");
        await settleAlerts(session, { ...questionAlert(client, questionId), notes: "the question was deleted" });
        await record(session, { action: "question_deleted", subject: `question/${questionId}`, details: deleted });
      });
      return reply.code(204).send(null);
    },
  );
}
