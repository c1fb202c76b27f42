/** Who sent what is stored: a vendor, or the mock server in its place. */
export type Origin = "real" | "sandbox";

/** Of rows that were stored before their origin was recorded, nobody can say. */
export type StoredOrigin = Origin | "unknown";

/** Who answers at an address. No vendor speaks without TLS: an address that does is a mock server's. */
export const originOf = ({ baseUrl }: { baseUrl: string }): Origin =>
  new URL(baseUrl).protocol === "http:" ? "sandbox" : "real";

/** Where a mock server that posts to a webhook says that it is one. */
export const originHeader = "x-signal-room-origin";
