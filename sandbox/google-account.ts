/** The service account of a client that the sandbox knows from the start. */
export const sandboxEmail = (client: string) => `sandbox-${client}@signal-room.iam.gserviceaccount.com`;

/** The client of such an account; null for any other. */
export const clientOfEmail = (email: string): string | null =>
  /^sandbox-(.+)@signal-room\.iam\.gserviceaccount\.com$/.exec(email)?.[1] ?? null;
