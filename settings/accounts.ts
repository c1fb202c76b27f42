import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { settingName } from "../core/setting-name.ts";
import { describeIssues } from "../core/typed.ts";
import type { SettingsReader } from "./reader.ts";
import { address, wholeNumber } from "./shapes.ts";

/** How fast one account may be asked, over all workers together. */
export interface Pace {
  intervalMs: number;
  concurrent: number;
}

/** What the configuration needs to know of a vendor; the vendors themselves are declared beside their sources. */
export interface VendorSettings {
  name: string;
  /** As people write it. */
  title?: string;
  baseUrl: string;
  pace: Pace;
  secrets: z.ZodObject;
  /** What else can be set for an account and may be printed; one without a client's suffix holds for all clients. */
  settings?: z.ZodObject | undefined;
  /** Conversions are sent to it. */
  isDestination?: boolean;
}

/** One client's account at one vendor. */
export interface Account {
  /** `redtrack/713`: the rate gate's key. */
  name: string;
  vendor: string;
  client: string;
  /** Conversions are sent to it. */
  isDestination: boolean;
  baseUrl: string;
  pace: Pace;
  /** Null when the client has no key for this vendor. */
  secrets: Record<string, string> | null;
  settings: Record<string, string>;
  /** The names of the settings that are missing. */
  missing: string[];
}

/** What can be set for an account at any vendor. */
export function accountShape({ name, baseUrl, pace }: VendorSettings) {
  const prefix = settingName(name);
  const shared = { clients: "shared" } as const;
  return z.object({
    [`${prefix}_BASE_URL`]: address.default(baseUrl).meta(about("Where requests go.", shared)),
    [`${prefix}_INTERVAL_MS`]: wholeNumber(0)
      .default(pace.intervalMs)
      .meta(
        about("The least time between two requests of one account, over all workers; a hint of the vendor's wins.", {
          ...shared,
          unit: "ms",
        }),
      ),
    [`${prefix}_CONCURRENT`]: wholeNumber(1)
      .default(pace.concurrent)
      .meta(
        about("Requests of one account that may be under way at a time, over all workers.", {
          ...shared,
          unit: "requests",
        }),
      ),
  });
}

/** Every client's account at every vendor. */
export function readAccounts(reader: SettingsReader, vendors: readonly VendorSettings[]): Map<string, Account> {
  const accounts = vendors.flatMap((vendor) => reader.clients.map((client) => readAccount(reader, vendor, client)));
  return new Map(accounts.map((account) => [account.name, account]));
}

function readAccount(reader: SettingsReader, vendor: VendorSettings, client: string): Account {
  const prefix = settingName(vendor.name);
  const of = reader.valuesOf(client, accountShape(vendor));
  const { found, missing } = readSecrets(reader, vendor, client);
  const settings = Object.entries(reader.valuesOf(client, vendor.settings ?? z.object({})));
  return {
    name: `${vendor.name}/${client}`,
    vendor: vendor.name,
    client,
    isDestination: vendor.isDestination === true,
    baseUrl: String(of[`${prefix}_BASE_URL`]),
    pace: { intervalMs: Number(of[`${prefix}_INTERVAL_MS`]), concurrent: Number(of[`${prefix}_CONCURRENT`]) },
    secrets: missing.length === 0 ? found : null,
    settings: Object.fromEntries(settings.flatMap(([name, value]) => (value == null ? [] : [[name, String(value)]]))),
    missing,
  };
}

/** One that is missing is no mistake: the client goes without this vendor. */
function readSecrets(reader: SettingsReader, vendor: VendorSettings, client: string) {
  const found: Record<string, string> = {};
  const missing: string[] = [];
  for (const [name, schema] of Object.entries(vendor.secrets.shape)) {
    const asked = reader.nameFor(client, name, "own");
    const text = reader.text(asked);
    const checked = (schema as z.ZodType).safeParse(text);
    if (text !== undefined) reader.secrets.add(text);
    if (!checked.success && text === undefined) missing.push(asked);
    else if (!checked.success) reader.problem(`${asked}: ${describeIssues(checked.error).join("; ")}`);
    else if (checked.data !== undefined) found[name] = String(checked.data);
  }
  return { found, missing };
}
