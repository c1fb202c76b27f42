import { cancellationSignal, heartbeat } from "@temporalio/activity";
import type { Redact } from "../../core/redact.ts";
import { toFailure } from "./failures.ts";

export interface Beating {
  /** What is worked at: put in front of messages. */
  place: string;
  redact: Redact;
  /** How far the work is; what it holds at the moment of a beat goes along. */
  progress?: object | undefined;
  everyMs?: number | undefined;
  /** Makes an error of the domain one that `toFailure` knows. */
  translate?: ((error: unknown) => unknown) | undefined;
}

/** Long work of an activity: it sends heartbeats, can be cancelled, and throws only errors of a type that Temporal knows. */
export async function withHeartbeat<Result>(
  { place, redact, progress, everyMs = 2_000, translate }: Beating,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const signal = cancellationSignal();
  const beat = setInterval(() => heartbeat(progress), everyMs);
  try {
    return await work(signal);
  } catch (error) {
    // Whatever fails after a cancellation, a cut answer or a broken commit, is that cancellation and no failure of the work.
    if (signal.aborted) throw signal.reason;
    throw toFailure(translate?.(error) ?? error, { place, redact });
  } finally {
    clearInterval(beat);
  }
}
