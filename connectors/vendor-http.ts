import { originOf } from "../core/origin.ts";
import { settingName } from "../core/setting-name.ts";
import type { Account } from "../settings/config.ts";
import { createEraser, createRedactor, type Redact } from "../core/redact.ts";
import { createHttp, type Http, type HttpLimits, type TurnOutcome } from "./http.ts";
import type { Quota, Vendor } from "./source.ts";

/** How a vendor describes its own answers. */
export type VendorManners = Pick<Vendor, "name" | "quota" | "refusal" | "classify" | "addresses">;

/** What it takes to reach a vendor as one account. */
export type Reached = Pick<Account, "baseUrl" | "secrets" | "settings">;

export interface VendorHttpOptions {
  vendor: VendorManners;
  account: Reached;
  /** For messages; the account's own secrets are taken out in any case. */
  redact: Redact;
  /** Waits for the account's turn before every attempt, and returns what ends it. */
  beforeRequest: () => Promise<(outcome: TurnOutcome) => Promise<void>>;
  signal?: AbortSignal | undefined;
  /** Shown what the headers of each answer say about the quota. */
  onQuota?: ((quota: Quota) => void) | undefined;
  /** A 2xx is enough, whatever it says. */
  anyAnswer?: boolean | undefined;
  limits?: Partial<HttpLimits> | undefined;
}

/**
 * The one way to a vendor's HTTP client: with its other addresses, all that it says of its own quota and errors, and
 * the account's secrets out of every answer and message.
 */
export function vendorHttp(options: VendorHttpOptions): Http {
  const { vendor, account, redact, onQuota, signal, beforeRequest, anyAnswer, limits } = options;
  const secrets = Object.values(account.secrets ?? {});
  const own = createRedactor(secrets);
  return createHttp({
    baseUrl: account.baseUrl,
    addresses: addressesOf(vendor, account),
    erase: createEraser(secrets),
    redact: (text) => redact(own(text)),
    quota: (headers) => {
      const quota = vendor.quota?.(headers) ?? null;
      if (quota !== null) onQuota?.(quota);
      return quota;
    },
    refusal: vendor.refusal,
    classify: vendor.classify,
    signal,
    beforeRequest,
    ...(anyAnswer === undefined ? {} : { anyAnswer }),
    ...(limits === undefined ? {} : { limits }),
  });
}

/** A vendor's other addresses. Each can be set; a mock server answers for all of them at its one. */
export function addressesOf(
  vendor: Pick<Vendor, "name" | "addresses">,
  { baseUrl, settings }: Pick<Account, "baseUrl" | "settings">,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(vendor.addresses ?? {}).map(([name, address]) => [
      name,
      settings[settingName(vendor.name, name, "BASE_URL")] ?? (hasNoTls(baseUrl) ? baseUrl : address),
    ]),
  );
}

export const hasNoTls = (baseUrl: string) => originOf({ baseUrl }) === "sandbox";
