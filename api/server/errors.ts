import { isResponseSerializationError, hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { z } from "zod";
import { CommitUnknown, sqlState } from "../../schema/database.ts";

const statuses = {
  validation_error: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  payload_too_large: 413,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof statuses;

/** The one shape of every error, also as it is documented. */
export const errorBody = z.object({
  error: z.string().describe("the code, for programs"),
  message: z.string().describe("the message, for people"),
  details: z.record(z.string(), z.string()).optional().describe("the fields that were wrong, or the request's id"),
});
export type ErrorBody = z.infer<typeof errorBody>;

/** An answer that a route decided on. Its message is shown to the caller. */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details?: Record<string, string>,
    override readonly cause?: unknown,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** Something of ours that should answer does not: the caller may come again. */
export class Unavailable extends ApiError {
  constructor(message: string, cause?: unknown) {
    super("unavailable", message, undefined, cause);
    this.name = "Unavailable";
  }
}

/** Also what there is but belongs to somebody else: whether it exists is nobody's business. */
export const notFound = (what: string) => new ApiError("not_found", `there is no such ${what}`);

export interface ErrorAnswer {
  status: number;
  body: ErrorBody;
}

/** What the caller may know of an error: never a stack, an SQL text or a value from the database. */
export function toAnswer(error: unknown, requestId: string): ErrorAnswer {
  if (error instanceof ApiError) return answer(error.code, error.message, error.details);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const fields = error.validation.map((issue) => [fieldName(issue.instancePath), issue.message ?? "is not valid"]);
    return answer(
      "validation_error",
      `${error.validationContext ?? "request"} is not valid`,
      Object.fromEntries(fields) as Record<string, string>,
    );
  }
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  // Fastify gives a line that broke under a body a status; one that broke to Postgres has none.
  if (statusCode === 400 && code === "ECONNRESET")
    return answer("validation_error", "the body ended before it was whole");
  if (isDatabaseAway(error)) return answer("unavailable", "the database does not answer; try again soon");
  // A value that no column can hold, whatever got past the schemas.
  if (sqlState(error)?.startsWith("22") === true)
    return answer("validation_error", "a value is not one that can be looked for");
  if (statusCode === 413) return answer("payload_too_large", "the body is too large");
  if (statusCode === 503) return answer("unavailable", "the answer took too long; try again soon");
  // A path that leads out of the files that are served: they refuse it by a bare 403.
  if (statusCode === 403) return answer("validation_error", "the path leads outside of what is served");
  // Fastify's own words for what is wrong with a request; they quote nothing but header names.
  if (
    typeof statusCode === "number" &&
    statusCode >= 400 &&
    statusCode < 500 &&
    typeof code === "string" &&
    code.startsWith("FST_")
  ) {
    return answer("validation_error", (error as Error).message);
  }
  return answer("internal", "something went wrong on our side; the log has it under this request id", { requestId });
}

/** What the log may know of it. Postgres quotes rows in `detail`: those stay out. */
export function forLog(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const state = sqlState(error);
  const reason = isResponseSerializationError(error as never) ? error.cause : undefined;
  return {
    type: error.name,
    message: error.message,
    // Where a known answer was thrown helps nobody.
    ...(error instanceof ApiError ? {} : { stack: error.stack }),
    ...(state === null ? {} : { sqlState: state }),
    ...(reason instanceof Error ? { reason: reason.message } : {}),
    ...(error instanceof ApiError && error.cause instanceof Error ? { cause: error.cause.message } : {}),
  };
}

export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof CommitUnknown) return true;
  const state = sqlState(error);
  if (state !== null) return /^(08|40|53|55|57)/.test(state);
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH)/.test(code);
}

function answer(code: ErrorCode, message: string, details?: Record<string, string>): ErrorAnswer {
  return { status: statuses[code], body: { error: code, message, ...(details === undefined ? {} : { details }) } };
}

function fieldName(pointer: string | undefined): string {
  const name = (pointer ?? "").replace(/^\//, "").replaceAll("/", ".");
  return name === "" ? "body" : name;
}
