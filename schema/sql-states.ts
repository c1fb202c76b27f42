const words: Readonly<Record<string, string>> = {
  "53100": "its disk is full: free space there",
  "53200": "it has no memory left",
  "53300": "it has no connection left to give",
  "57014": "it stopped a statement that took too long",
  "57P01": "it is being shut down",
  "57P02": "one of its processes crashed",
  "57P03": "it is starting up or shutting down",
};

/** Why Postgres cannot serve now, in words where there are some: `its disk is full: free space there (SQLSTATE 53100)`. */
export function whyUnavailable(state: string): string {
  const known = words[state];
  return known === undefined ? `SQLSTATE ${state}` : `${known} (SQLSTATE ${state})`;
}
