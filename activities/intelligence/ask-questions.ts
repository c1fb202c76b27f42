import { z } from "zod";
import { sha256 } from "../../core/crypto.ts";
import { dayAt } from "../../core/days.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { QuestionRefused } from "../../queries/intelligence/question-cells.ts";
import { recordsState } from "../../queries/intelligence/opportunity-runs.ts";
import { runQuestion, type QuestionAnswer } from "../../queries/intelligence/run-question.ts";
import { listQuestions, type SavedQuestion } from "../../queries/intelligence/saved-questions.ts";
import { lockWatched, recordWatch } from "../../queries/intelligence/watched-questions.ts";
import { alertKind, questionAlert, watchStep, watchWords } from "../../rules/intelligence/watch-question.ts";
import { inTransaction } from "../../schema/database.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import type { ClusterContext } from "./context.ts";

const shape = z.object({ client: z.string().optional(), onlyIfChanged: z.boolean().optional() });

export interface AskedQuestions {
  client: string;
  watched: number;
  asked: number;
  /** Those of which an alert was opened, has more to say, or was closed. */
  opened: number;
  more: number;
  closed: number;
  /** Questions that could not be answered, with why. */
  refused: { questionId: number; reason: string }[];
}

type Said = "open" | "more" | "close" | null;

/**
 * Asks every watched question of a client. An answer counts once per state of the records and day; the alert and what is
 * known of the question are written together, so a repeat says nothing twice.
 */
export async function askQuestions(context: ClusterContext, { input }: { input: unknown }): Promise<AskedQuestions> {
  const { database, store, config, redact } = context;
  const { client: named, onlyIfChanged = false } = checkedInput(shape, input);
  const client = clientNamed(config, named);
  return withHeartbeat({ place: `questions of client ${client}`, redact }, async () => {
    const today = dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC");
    const watched = await listQuestions(database, { client, watched: true });
    const counts: AskedQuestions = {
      ...{ client, watched: watched.length, asked: 0, opened: 0, more: 0, closed: 0, refused: [] },
    };
    const records = `${today}/${await recordsState(database, { client })}`;
    for (const question of watched) {
      if (onlyIfChanged && question.askedRecords === records) continue;
      counts.asked += 1;
      try {
        const answer = await runQuestion(database, { client, today }, question.question, store);
        const said = await follow(context, { client, records }, question, answer);
        if (said !== null) counts[({ open: "opened", more: "more", close: "closed" } as const)[said]] += 1;
      } catch (error) {
        // One that asks too much must not keep the others from their turn.
        if (!(error instanceof QuestionRefused)) throw error;
        counts.refused.push({ questionId: question.questionId, reason: error.message });
      }
    }
    return counts;
  });
}

/** What follows from an answer; nothing where no day is over, or where somebody changed or deleted the question meanwhile. */
function follow(
  { database }: ClusterContext,
  { client, records }: { client: string; records: string },
  { questionId, updatedAt }: SavedQuestion,
  { days, rows, matched }: QuestionAnswer,
): Promise<Said> {
  if (days === null) return Promise.resolve(null);
  return inTransaction(database, async (session) => {
    const known = await lockWatched(session, { client, questionId });
    if (known === null || known.updatedAt.getTime() !== updatedAt.getTime()) return null;
    const before = { state: known.watchState, rows: known.answerRows };
    const next = watchStep(before, rows, { isNewDay: known.askedTo !== days.to });
    const names = new Map(rows.map(({ subject, name }) => [subject, name ?? "not known"]));
    const { kinds, ...of } = questionAlert(client, questionId);
    if (next.say === "open" || next.say === "more")
      await raiseAlert(session, {
        ...of,
        kind: alertKind,
        severity: "info",
        message: watchWords({
          ...{ name: known.name, matched, to: days.to },
          gained: next.gained.map((key) => names.get(key) ?? key),
        }),
        details: { questionId, from: days.from, to: days.to, matched, isFirst: next.say === "open" },
        isNews: next.say === "more",
      });
    if (next.say === "close")
      await settleAlerts(session, { ...of, kinds, notes: `nothing answers the question any more, up to ${days.to}` });
    await recordWatch(session, {
      ...{ client, questionId, records, askedTo: days.to, state: next.state },
      // Rows that come and go while an alert is open are no news each time.
      rows: next.state === "quiet" ? [] : [...new Set([...(known.answerRows ?? []), ...names.keys()])],
      hash: sha256(JSON.stringify(rows.map(({ subject, value, other }) => [subject, value, other]))),
      isAlerted: next.say === "open" || next.say === "more",
    });
    return next.say;
  });
}
