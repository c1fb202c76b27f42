/** What the tests' namespaces know, as the real ones do. */
export const searchAttributes = {
  ClientId: "Keyword",
  Source: "Keyword",
  SliceDay: "Keyword",
  Outcome: "Keyword",
  RunKind: "Keyword",
} as const;
