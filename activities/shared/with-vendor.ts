import { activityInfo, heartbeat, metricMeter } from "@temporalio/activity";
import { z } from "zod";
import type { Account, Config } from "../../settings/config.ts";
import type { Redact } from "../../core/redact.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import type { Vendor } from "../../connectors/source.ts";
import { vendorHttp, type VendorHttpOptions, type VendorManners } from "../../connectors/vendor-http.ts";
import { toFailure } from "./failures.ts";
import type { RateGate, TurnOptions } from "./rate-gate.ts";
import { withHeartbeat } from "./with-heartbeat.ts";

/** Which vendor an activity asks, and for which client. */
export interface VendorCall {
  vendor: VendorManners & Pick<Vendor, "unhintedWaitMs">;
  /** Its name and pace are the rate gate's. */
  account: Pick<Account, "name" | "pace" | "baseUrl" | "secrets" | "settings">;
}

export type CallOptions = Pick<VendorHttpOptions, "signal" | "onQuota" | "anyAnswer" | "limits"> &
  Pick<TurnOptions, "onWaited">;

/** A vendor's HTTP client that waits for the account's turn before every request, across all workers. */
export function gatedHttp(
  { gate, redact }: { gate: RateGate; redact: Redact },
  { vendor, account }: VendorCall,
  options: CallOptions = {},
): Http {
  const { onWaited, ...rest } = options;
  const turn = { signal: options.signal, ...(onWaited === undefined ? {} : { onWaited }) };
  return vendorHttp({ ...rest, vendor, account, redact, beforeRequest: () => gate.turn(account, turn) });
}

export interface VendorContext {
  gate: RateGate;
  redact: Redact;
  config: { worker: Pick<Config["worker"], "unavailableAttempts"> };
}

const kept = z.object({ unavailable: z.number() });

/**
 * Everything that activities at a vendor have in common: the turn at the gate, heartbeats, cancellation, and the
 * translation of errors. How often the vendor was unavailable is kept in the heartbeats, over all attempts.
 */
export async function withVendor<Result>(
  context: VendorContext,
  call: VendorCall & { place: string; progress?: object; limits?: CallOptions["limits"] },
  work: (http: Http, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { redact, config } = context;
  const { vendor, account, place } = call;
  const earlier = kept.safeParse(activityInfo().heartbeatDetails);
  const progress = Object.assign(call.progress ?? {}, { unavailable: earlier.success ? earlier.data.unavailable : 0 });
  return withHeartbeat({ place, redact, progress }, async (signal) => {
    try {
      const onWaited = (waitedMs: number) => countWait(account.name, waitedMs);
      return await work(gatedHttp(context, call, { signal, onWaited, limits: call.limits }), signal);
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof ConnectorError && error.kind === "unavailable") progress.unavailable += 1;
      heartbeat(progress);
      const failure = toFailure(waitingLonger(error, vendor, activityInfo().attempt), {
        place,
        redact,
        unavailable: { times: progress.unavailable, enough: config.worker.unavailableAttempts },
      });
      countFailure(account.name, failure);
      throw failure;
    }
  });
}

/** After a 429 without a hint each attempt waits twice as long as the one before, up to what the vendor's window may last. */
function waitingLonger(error: unknown, { unhintedWaitMs }: VendorCall["vendor"], attempt: number): unknown {
  if (
    !(error instanceof ConnectorError) ||
    error.kind !== "rate_limited" ||
    error.retryAfterMs !== null ||
    unhintedWaitMs === undefined
  )
    return error;
  return new ConnectorError(error.kind, error.message, {
    retryAfterMs: Math.min(unhintedWaitMs, 1_000 * 2 ** Math.min(attempt - 1, 20)),
    code: error.code,
  });
}

function countWait(account: string, waitedMs: number): void {
  metricMeter
    .createHistogram("signal_room_gate_wait", "int", "ms", "Waiting for an account's turn")
    .record(Math.round(waitedMs), { account });
}

function countFailure(account: string, failure: Error): void {
  const type = "type" in failure && typeof failure.type === "string" ? failure.type : failure.name;
  metricMeter
    .createCounter("signal_room_failures", "failures", "Attempts that failed, by type")
    .add(1, { account, type });
}
