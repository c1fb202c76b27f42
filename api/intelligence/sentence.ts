import { z } from "zod";
import { sha256 } from "../../core/crypto.ts";
import { maskContacts } from "../../core/personal.ts";
import { sentenceShape } from "../../rules/intelligence/question-prompt.ts";
import { sentenceWorkflowId } from "../../rules/intelligence/workflow-ids.ts";
import type { understandQuestion } from "../../workflows/intelligence/understand-question.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { wholeQuestion } from "./question-shapes.ts";

const understood = z.union([
  z.object({ understood: z.literal(true), question: wholeQuestion, words: z.string() }),
  z.object({ understood: z.literal(false), reason: z.string().describe("what was missing, or what to set") }),
]);
const running = z.object({ state: z.literal("running"), workflowId: z.string() });

type Summary = Awaited<ReturnType<typeof understandQuestion>>;

/** A sentence becomes a question of the language, by a model: shown, and not asked. */
export function sentenceRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/questions/sentence",
    {
      config: allow("admin", "operator", "analyst"),
      schema: {
        tags: ["questions"],
        summary: "Turns a sentence into a question, by a model; the question is not asked",
        description:
          "What the model answers is checked as what a person sends: it can only be a question of the language about this client, or is refused. Needs a key of Claude or Gemini and its price; costs count towards CLUSTER_SPEND_LIMIT. 202: the model takes longer; the same again waits for it.",
        body: z.strictObject({ sentence: sentenceShape, ai_provider: z.enum(["claude", "gemini"]).optional() }),
        response: { 200: understood, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const sentence = maskContacts(request.body.sentence);
      const { ai_provider: provider } = request.body;
      const outcome = await runWorkflow<Summary>(parts, {
        type: "understandQuestion",
        workflowId: sentenceWorkflowId(client, sha256(JSON.stringify([sentence, provider]))),
        client,
        input: { client, sentence, ...(provider === undefined ? {} : { ai_provider: provider }) },
        summary: `a question in words, client ${client}`,
        again: true,
      });
      const { workflowId } = outcome;
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId });
      const { client: _client, ...result } = outcome.result;
      return reply.code(200).send(result);
    },
  );
}
