import { ApplicationFailure, CancelledFailure } from "@temporalio/activity";
import { ApplicationFailureCategory } from "@temporalio/common";
import { assertNever } from "../../core/assert-never.ts";
import type { Redact } from "../../core/redact.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { OriginMixed } from "../../queries/shared/origins.ts";
import { OwnersDiffer } from "../../queries/shared/owners-differ.ts";
import { CommitUnknown, isBrokenConnection, sqlState } from "../../schema/database.ts";
import { whyUnavailable } from "../../schema/sql-states.ts";

/** The failure types an operator meets in the UI. */
export type FailureType =
  | "CredentialsRejected"
  | "RateLimited"
  | "QuotaSpent"
  | "VendorUnavailable"
  | "RequestRejected"
  | "ResponseMalformed"
  | "DuplicateKey"
  | "RowRejected"
  | "DatabaseUnavailable"
  | "InvalidInput"
  | "OriginMixed"
  | "OwnersDiffer"
  | "Unexpected";

export interface FailureContext {
  /** Source, slice: put in front of the message. */
  place: string;
  redact: Redact;
  /** How often the vendor was unavailable to this activity, this time included, and how often is enough. */
  unavailable?: { times: number; enough: number };
}

/** Around an activity's work: only errors of a type that Temporal knows get out. */
export function guardedBy(redact: Redact) {
  return async <Result>(place: string, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw toFailure(error, { place, redact });
    }
  };
}

/** The only translation of an error into what Temporal retries or shows. The original never travels along: it may carry a URL with a key. */
export function toFailure(error: unknown, context: FailureContext): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof ConnectorError) return vendorFailure(error, context);
  // Only a person can say which of the two is to stay.
  if (error instanceof OriginMixed) return failure("OriginMixed", error.message, { retried: false });
  if (error instanceof OwnersDiffer) return failure("OwnersDiffer", error.message, { retried: false });
  const state = sqlState(error);
  if (state !== null) return postgresFailure(state, error as Error, context);
  if (isBrokenConnection(error))
    return failure("DatabaseUnavailable", `${context.place}: the connection to Postgres broke while it was in use`, {
      retried: true,
    });
  if (error instanceof CommitUnknown || isConnectionError(error)) {
    return failure("DatabaseUnavailable", `${context.place}: Postgres does not answer`, { retried: true });
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : "unknown error";
  return failure("Unexpected", context.redact(`${context.place}: ${message}`).slice(0, 1_000), { retried: true });
}

/** Input that a person typed and can correct. */
export function invalidInput(message: string): ApplicationFailure {
  return failure("InvalidInput", message, { retried: false });
}

function vendorFailure(error: ConnectorError, { place, redact, unavailable }: FailureContext): ApplicationFailure {
  const message = redact(`${place}: ${error.message}`);
  switch (error.kind) {
    case "unauthorized":
      return failure("CredentialsRejected", message, { retried: false });
    case "rate_limited":
      return failure("RateLimited", message, { retried: true, nextRetryDelayMs: error.retryAfterMs, benign: true });
    case "quota_spent":
      // It comes back at midnight, not in a minute: trying again would only burn tries.
      return failure("QuotaSpent", message, { retried: false });
    case "unavailable": {
      // Temporal counts waiting for a quota as attempts too, so how often a vendor may fail is counted here.
      const enough = unavailable !== undefined && unavailable.times >= unavailable.enough;
      const times = unavailable === undefined ? "" : ` (${unavailable.times} of ${unavailable.enough} tries)`;
      return failure("VendorUnavailable", message + times, { retried: !enough });
    }
    case "rejected":
      return failure("RequestRejected", message, { retried: false });
    case "malformed":
      return failure("ResponseMalformed", message, { retried: false });
    case "duplicate_key":
      return failure("DuplicateKey", message, { retried: false });
    default:
      return assertNever(error.kind);
  }
}

function postgresFailure(state: string, error: Error, { place }: FailureContext): ApplicationFailure {
  // Postgres quotes values in its messages; names are enough to find the row's column.
  const { table, column, constraint } = error as { table?: string; column?: string; constraint?: string };
  const where = [table, column, constraint].filter((name) => name !== undefined && name !== "").join(".");
  if (/^2[23]/.test(state))
    return failure(
      "RowRejected",
      `${place}: Postgres refused a row (SQLSTATE ${state}${where === "" ? "" : ` at ${where}`})`,
      { retried: false },
    );
  if (/^(08|40|53|55|57)/.test(state))
    return failure("DatabaseUnavailable", `${place}: Postgres cannot serve now: ${whyUnavailable(state)}`, {
      retried: true,
    });
  const hint = state.startsWith("42") ? ": are migrations pending? npm run migrate" : "";
  return failure("Unexpected", `${place}: Postgres answered SQLSTATE ${state}${hint}`, { retried: true });
}

function failure(
  type: FailureType,
  message: string,
  how: { retried: boolean; nextRetryDelayMs?: number | null; benign?: boolean },
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: !how.retried,
    // A delay of 0 means "do not retry" to Temporal.
    ...(how.nextRetryDelayMs == null ? {} : { nextRetryDelay: Math.max(how.nextRetryDelayMs, 1_000) }),
    ...(how.benign === true ? { category: ApplicationFailureCategory.BENIGN } : {}),
  });
}

function isConnectionError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH)/.test(code);
}
