import { settingName } from "../../core/setting-name.ts";
import type { Account, Config } from "../../settings/config.ts";
import type { Vendor } from "../source.ts";
import { hasNoTls } from "../vendor-http.ts";
import { ownedByAffiliate, type Platform } from "./platform.ts";

/** What a person set for a client's platform and, where an affiliate let us in, what that affiliate did. Opened already. */
export interface StoredAccess {
  /** Null where it is not set: the settings decide. */
  mode: "real" | "sandbox" | null;
  credentials: Record<string, string> | null;
  affiliate: { id: string; credentials: Record<string, string> } | null;
}

/** An account to ask a platform with: what the gate, the connector and the link resolver need. */
export interface PlatformAccount extends Account {
  platform: string;
  /** Who answers is a mock server, not the platform. */
  isSandbox: boolean;
  /** It is asked with the affiliate's own token. */
  isAffiliates: boolean;
  /** Where a mock server answers for the hosts of share links; null asks the hosts themselves. */
  linkBaseUrl: string | null;
  /** The User-Agent that the platform asks for, where it does; its web hosts refuse others, too. */
  userAgent: string | undefined;
  /** Secrets and settings together, as `fetchMetrics` takes them; null when some are missing. */
  credentials: Record<string, string> | null;
}

export interface AccessAsk {
  config: Pick<Config, "accounts" | "sandboxUrl">;
  platform: Platform;
  client: string;
  stored: StoredAccess;
}

/** The account to ask with: that of the affiliate's token where one is given and can be used, else the client's as it was stored or as it is set. */
export function platformAccount({ config, platform, client, stored }: AccessAsk): PlatformAccount {
  const { vendor } = platform;
  const set = config.accounts.get(`${vendor.name}/${client}`);
  if (set === undefined) throw new RangeError(`no client ${client} is configured for ${platform.name}`);
  const baseUrl = baseUrlOf(vendor, set, stored.mode, config.sandboxUrl);
  const isSandbox = hasNoTls(baseUrl);
  const { affiliate } = stored;
  const isSwitched = isSandbox && !hasNoTls(set.baseUrl);
  const brought = affiliate === null ? null : pick(affiliate.credentials, platform.ownCredentials);
  const own = isSwitched && !areSandboxes(brought) ? null : brought;
  const isOwn = own !== null && Object.keys(own).length > 0;
  const clients = clientCredentials(vendor, set, stored, isSandbox);
  const secrets = isOwn ? { ...without(clients.secrets, platform.ownCredentials), ...own } : clients.secrets;
  const settings = { ...set.settings, ...clients.settings };
  // An affiliate's token stands by itself where the platform needs no key of ours beside it.
  const missing = isOwn ? [] : clients.missing;
  return {
    ...set,
    // A quota is the token's, so an affiliate's own token takes turns of its own.
    name: isOwn ? `${set.name}/affiliate-${affiliate?.id ?? ""}` : set.name,
    platform: platform.name,
    baseUrl,
    isSandbox,
    isAffiliates: isOwn,
    linkBaseUrl: settings[settingName(vendor.name, "LINK_BASE_URL")] ?? (isSandbox ? `${baseUrl}/links` : null),
    userAgent: settings[settingName(vendor.name, "USER_AGENT")],
    secrets: missing.length === 0 ? secrets : null,
    settings,
    missing,
    credentials: missing.length === 0 ? { ...settings, ...secrets, ...(isOwn ? ownedByAffiliate : {}) } : null,
  };
}

/** Switching a platform to its mock server must not send that a real key. */
function areSandboxes(secrets: Record<string, string> | null): boolean {
  return secrets !== null && Object.values(secrets).every((value) => value.startsWith("sandbox-"));
}

function baseUrlOf(vendor: Vendor, set: Account, mode: StoredAccess["mode"], sandboxUrl: string): string {
  const isSandbox = hasNoTls(set.baseUrl);
  if (mode === "sandbox" && !isSandbox) return `${sandboxUrl.replace(/\/$/, "")}/${vendor.name}`;
  return mode === "real" && isSandbox ? vendor.baseUrl : set.baseUrl;
}

/** Stored ones come first. A mock server takes the settings' key only if it was set for one, and accepts one key of all clients. */
function clientCredentials(vendor: Vendor, set: Account, { credentials }: StoredAccess, isSandbox: boolean) {
  const names = Object.keys(vendor.secrets.shape);
  const wasSandbox = hasNoTls(set.baseUrl);
  const fromSettings = isSandbox === wasSandbox ? (set.secrets ?? {}) : {};
  const played = isSandbox ? Object.fromEntries(names.map((name) => [name, `sandbox-${set.client}`])) : {};
  const kept = pick(credentials ?? {}, names);
  const stored = isSandbox && !wasSandbox && !areSandboxes(kept) ? {} : kept;
  // A stored token must not be sent along with another account's id.
  const secrets =
    Object.keys(stored).length > 0 ? stored : Object.keys(fromSettings).length > 0 ? fromSettings : played;
  const missing = names.filter((name) => {
    const shape = vendor.secrets.shape[name] as { safeParse: (value: unknown) => { success: boolean } };
    return !shape.safeParse(secrets[name]).success;
  });
  const named = Object.keys(vendor.settings?.shape ?? {}).filter((name) => !/_BASE_URL$/.test(name));
  return { secrets, missing, settings: pick(credentials ?? {}, named) };
}

function pick(record: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = record[name];
      return typeof value === "string" && value !== "" ? [[name, value]] : [];
    }),
  );
}

function without(record: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}
