/** What went wrong with a vendor, in the words that decide what to do about it. */
export type ConnectorErrorKind =
  "unauthorized" | "rate_limited" | "unavailable" | "rejected" | "malformed" | "duplicate_key";

export class ConnectorError extends Error {
  /** How long the vendor asked us to wait. */
  readonly retryAfterMs: number | null;

  constructor(
    readonly kind: ConnectorErrorKind,
    message: string,
    options: { retryAfterMs?: number | null } = {},
  ) {
    super(message);
    this.name = "ConnectorError";
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  /** The same error, with where it happened in front: `redtrack.daily_spend 2025-12-18: …`. */
  at(place: string): ConnectorError {
    return new ConnectorError(this.kind, `${place}: ${this.message}`, { retryAfterMs: this.retryAfterMs });
  }
}
