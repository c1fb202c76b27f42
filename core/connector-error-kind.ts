/** What went wrong with a vendor, in the words that decide what to do about it. */
export type ConnectorErrorKind =
  "unauthorized" | "rate_limited" | "quota_spent" | "unavailable" | "rejected" | "malformed" | "duplicate_key";
