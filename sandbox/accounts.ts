import { createHash } from "node:crypto";

/** Keys: `sandbox-<client>` opens that client's data at every vendor; others are registered. */
export interface Accounts {
  clientOf(vendor: string, key: string): string | null;
  register(vendor: string, key: string, client: string): void;
  revoke(vendor: string, key: string): void;
}

export function createAccounts(): Accounts {
  const clients = new Map<string, string | null>();
  const place = (vendor: string, key: string) => `${vendor}\n${key}`;
  return {
    clientOf: (vendor, key) => {
      const registered = clients.get(place(vendor, key));
      if (registered !== undefined) return registered;
      return /^sandbox-([A-Za-z0-9_-]+)$/.exec(key)?.[1] ?? null;
    },
    register: (vendor, key, client) => void clients.set(place(vendor, key), client),
    revoke: (vendor, key) => void clients.set(place(vendor, key), null),
  };
}

/** Names a key without giving any of it away. */
export function keyId(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 8);
}
