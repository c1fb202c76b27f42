import type { ConnectorErrorKind } from "../core/connector-error-kind.ts";

export type { ConnectorErrorKind } from "../core/connector-error-kind.ts";

export class ConnectorError extends Error {
  /** How long the vendor asked us to wait. */
  readonly retryAfterMs: number | null;
  /** The vendor's own name for it, where one decides what to do next. */
  readonly code: string | null;

  constructor(
    readonly kind: ConnectorErrorKind,
    message: string,
    options: { retryAfterMs?: number | null; code?: string | null | undefined } = {},
  ) {
    super(message);
    this.name = "ConnectorError";
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.code = options.code ?? null;
  }

  /** The same error, with where it happened in front: `redtrack.daily_spend 2025-12-18: …`. */
  at(place: string): ConnectorError {
    return new ConnectorError(this.kind, `${place}: ${this.message}`, {
      retryAfterMs: this.retryAfterMs,
      code: this.code,
    });
  }
}
