import { guardedBy } from "../shared/failures.ts";
import { sendVerdict, type DiscordContext } from "./send-verdict.ts";

/** Answers people in Discord: what became of their submission. */
export function createDiscordActivities(context: DiscordContext) {
  const guarded = guardedBy(context.redact);
  return {
    sendVerdict: (of: Parameters<typeof sendVerdict>[1]) =>
      guarded(`discord answer to report ${of.reportId}`, () => sendVerdict(context, of)),
  };
}

/** What workflows may call. */
export type DiscordActivities = ReturnType<typeof createDiscordActivities>;
