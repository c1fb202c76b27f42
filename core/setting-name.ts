/** The spelling of a client, vendor or source in the name of a setting. */
export function settingName(...parts: string[]): string {
  return parts.map((part) => part.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")).join("_");
}

/** The setting that counts for a client: its own where that is set, else the one without a suffix. */
export function settingInForce(env: Record<string, string | undefined>, name: string, client: string): string {
  const own = settingName(name, client);
  return env[own] === undefined || env[own] === "" ? name : own;
}

/** Where a client's own value goes: settings without a suffix are the first client's. */
export function ownSetting(clients: readonly string[], name: string, client: string): string {
  return client === clients[0] ? name : settingName(name, client);
}
