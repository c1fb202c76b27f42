import { ConfigError } from "../../settings/config.ts";
import { isBrokenConnection, sqlState } from "../../schema/database.ts";
import { whyUnavailable } from "../../schema/sql-states.ts";

/** A command's exit codes. */
export const exitCodes = { fine: 0, found: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Something a person can fix, in one line: what, where, what to do. */
export class CommandError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
    this.name = "CommandError";
  }
}

interface Explained {
  exitCode: ExitCode;
  message: string;
}

/** One clear line for whatever went wrong, and the exit code. */
export async function explain(error: unknown): Promise<Explained> {
  if (error instanceof CommandError) return error;
  if (error instanceof ConfigError) return { exitCode: exitCodes.usage, message: error.message };
  if (isBrokenConnection(error))
    return {
      exitCode: exitCodes.unreachable,
      message: "the connection to Postgres broke while it was in use: try again",
    };
  const state = sqlState(error);
  if (state !== null) return explainPostgres(state, error as Error);
  // Loaded late: it takes longer than most commands, and most failures are not Temporal's.
  const { isGrpcServiceError, NamespaceNotFoundError, ServiceError, WorkflowNotFoundError } =
    await import("@temporalio/client");
  if (error instanceof WorkflowNotFoundError)
    return {
      exitCode: exitCodes.usage,
      message: `no workflow "${error.workflowId}" is known, or it has ended: look for it in the Temporal UI`,
    };
  if (error instanceof NamespaceNotFoundError)
    return {
      exitCode: exitCodes.usage,
      message: `Temporal has no namespace "${error.namespace}" (TEMPORAL_NAMESPACE): create it, or name another`,
    };
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(grpc)) return explainGrpc(grpc.code, grpc.details);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH)/.test(code))
    return { exitCode: exitCodes.unreachable, message: `a server went away (${code}): try again` };
  return { exitCode: exitCodes.found, message: messageOf(error) };
}

function explainPostgres(state: string, error: Error): Explained {
  if (state.startsWith("28"))
    return { exitCode: exitCodes.usage, message: "Postgres refuses the role or password of DATABASE_URL" };
  if (state === "3D000")
    return { exitCode: exitCodes.usage, message: "the database that DATABASE_URL names does not exist: create it" };
  if (state === "42501")
    return { exitCode: exitCodes.usage, message: `the role of DATABASE_URL may not do this: ${error.message}` };
  if (state.startsWith("42") || state === "3F000")
    return {
      exitCode: exitCodes.usage,
      message: `the database lacks something this needs (${error.message}): bring it up to date with \`npm run migrate\``,
    };
  if (/^(08|40|53|55|57)/.test(state))
    return {
      exitCode: exitCodes.unreachable,
      message: `Postgres cannot serve now: ${whyUnavailable(state)}. Then try again`,
    };
  return { exitCode: exitCodes.found, message: `Postgres answered SQLSTATE ${state}: ${error.message}` };
}

const grpcStatus = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  unavailable: 14,
  unauthenticated: 16,
};

function explainGrpc(code: number, details: string): Explained {
  if (code === grpcStatus.unavailable || code === grpcStatus.deadlineExceeded)
    return { exitCode: exitCodes.unreachable, message: `Temporal does not answer (${details}): try again` };
  if (code === grpcStatus.permissionDenied || code === grpcStatus.unauthenticated)
    return {
      exitCode: exitCodes.usage,
      message: `Temporal refuses this (TEMPORAL_API_KEY, TEMPORAL_NAMESPACE): ${details}`,
    };
  if (code === grpcStatus.notFound || code === grpcStatus.invalidArgument)
    return { exitCode: exitCodes.usage, message: `Temporal says: ${details}` };
  return { exitCode: exitCodes.found, message: `Temporal says: ${details}` };
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return process.env["LOG_LEVEL"] === "debug" ? (error.stack ?? error.message) : error.message;
}
