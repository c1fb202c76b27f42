import { describe, expect, test } from "@jest/globals";
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from "@temporalio/common";
import pg from "pg";
import { ConnectorError, type ConnectorErrorKind } from "../../connectors/errors.ts";
import { createRedactor } from "../../core/redact.ts";
import { CommitUnknown } from "../../schema/database.ts";
import { invalidInput, toFailure } from "./failures.ts";

const canary = "canary-key-0123456789";
const context = { place: "redtrack.daily_spend 2025-12-18", redact: createRedactor([canary]) };

function failed(error: unknown, more: object = {}): ApplicationFailure {
  const failure = toFailure(error, { ...context, ...more });
  if (!(failure instanceof ApplicationFailure)) throw new Error(`${failure.name} is no ApplicationFailure`);
  expect(failure.message).not.toContain(canary);
  expect(failure.cause).toBeUndefined();
  expect(failure.details ?? []).toEqual([]);
  return failure;
}

function postgres(code: string, more: object = {}): pg.DatabaseError {
  const message = `duplicate key value: (source_name)=(${canary})`;
  return Object.assign(new pg.DatabaseError(message, 10, "error"), {
    code,
    severity: "ERROR",
    detail: canary,
    ...more,
  });
}

describe("a vendor's error", () => {
  const table: [ConnectorErrorKind, string, boolean][] = [
    ["unauthorized", "CredentialsRejected", false],
    ["rate_limited", "RateLimited", true],
    ["unavailable", "VendorUnavailable", true],
    ["rejected", "RequestRejected", false],
    ["malformed", "ResponseMalformed", false],
    ["duplicate_key", "DuplicateKey", false],
  ];
  test.each(table)("%s is %s, retried: %s, and names the place without any secret", (kind, type, retried) => {
    const failure = failed(new ConnectorError(kind, `answered something with ${canary}`));
    expect(failure).toMatchObject({
      type,
      nonRetryable: !retried,
      message: "redtrack.daily_spend 2025-12-18: answered something with [redacted]",
    });
    // Only waiting for a quota is nothing to look at.
    expect(failure.category === ApplicationFailureCategory.BENIGN).toBe(kind === "rate_limited");
  });

  test("the vendor's hint is when the next attempt starts; without one, the policy decides", () => {
    expect(failed(new ConnectorError("rate_limited", "429", { retryAfterMs: 7_000 })).nextRetryDelay).toBe(7_000);
    expect(failed(new ConnectorError("rate_limited", "429")).nextRetryDelay).toBeUndefined();
    expect(failed(new ConnectorError("unavailable", "503", { retryAfterMs: 7_000 })).nextRetryDelay).toBeUndefined();
  });

  test("a vendor that was away often enough is not asked again", () => {
    const away = (times: number) =>
      failed(new ConnectorError("unavailable", "answered 500"), { unavailable: { times, enough: 3 } });
    expect([1, 2, 3, 4].map((times) => away(times).nonRetryable)).toEqual([false, false, true, true]);
    expect(away(2).message).toContain("(2 of 3 tries)");
  });
});

describe("an error of Postgres", () => {
  test.each([
    ["22003", "RowRejected", false],
    ["22P02", "RowRejected", false],
    ["23505", "RowRejected", false],
    ["23514", "RowRejected", false],
    ["08006", "DatabaseUnavailable", true],
    ["40001", "DatabaseUnavailable", true],
    ["40P01", "DatabaseUnavailable", true],
    ["53100", "DatabaseUnavailable", true],
    ["53300", "DatabaseUnavailable", true],
    ["55P03", "DatabaseUnavailable", true],
    ["57014", "DatabaseUnavailable", true],
    ["57P01", "DatabaseUnavailable", true],
    ["57P03", "DatabaseUnavailable", true],
    ["42P01", "Unexpected", true],
    ["XX000", "Unexpected", true],
  ])("%s is %s, retried: %s, by its state and without its words", (code, type, retried) => {
    const failure = failed(postgres(code));
    expect(failure).toMatchObject({ type, nonRetryable: !retried });
    expect(failure.message).toMatch(`redtrack.daily_spend 2025-12-18: Postgres`);
    expect(failure.message).toContain(code);
  });

  test("the column that was refused is named, its value is not", () => {
    const failure = failed(postgres("23514", { table: "daily_spend", constraint: "daily_spend_counts" }));
    expect(failure.message).toContain("at daily_spend.daily_spend_counts");
  });

  test("a missing table asks whether migrations are pending", () => {
    expect(failed(postgres("42P01")).message).toContain("npm run migrate");
  });

  test("a lost connection, and a commit whose answer got lost, are tried again", () => {
    const lost = Object.assign(new Error(`connect ECONNREFUSED postgres://u:${canary}@h`), { code: "ECONNREFUSED" });
    for (const error of [lost, new CommitUnknown(lost)]) {
      expect(failed(error)).toMatchObject({ type: "DatabaseUnavailable", nonRetryable: false });
    }
  });

  test("five capital letters in a system error's code are no SQLSTATE", () => {
    expect(failed(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }))).toMatchObject({
      type: "DatabaseUnavailable",
    });
    expect(failed(Object.assign(new Error("x"), { code: "22003" }))).toMatchObject({ type: "Unexpected" });
  });
});

test("what nobody foresaw is retried, its words redacted whole and then cut", () => {
  const failure = failed(new TypeError(`${"x".repeat(930)} api_key=${canary} ${"y".repeat(5_000)}`));
  expect(failure).toMatchObject({ type: "Unexpected", nonRetryable: false });
  expect(failure.message.length).toBeLessThanOrEqual(1_000);
  for (const thrown of ["text", null, undefined, 7, {}]) expect(failed(thrown)).toMatchObject({ type: "Unexpected" });
});

test("a cancellation stays one, and what is translated already stays as it is", () => {
  const cancelled = new CancelledFailure("CANCELLED");
  expect(toFailure(cancelled, context)).toBe(cancelled);
  const typed = invalidInput("from is after to");
  expect(toFailure(typed, context)).toBe(typed);
  expect(typed).toMatchObject({ type: "InvalidInput", nonRetryable: true, message: "from is after to" });
});
