import { lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { buildConnector } from "undici";
import { isPublicAddress } from "../core/public-address.ts";

/** A host in our own network, or an address that is not one host's. */
export class PrivateAddress extends Error {
  readonly code = "PRIVATE_ADDRESS";
}

export interface GuardOptions {
  /** In place of the system's resolver. */
  lookup?: LookupFunction | undefined;
  isAllowed?: ((address: string) => boolean) | undefined;
  timeoutMs: number;
}

/**
 * Connects to public addresses only. What was looked up and checked is what is connected to: a name that answers
 * otherwise a moment later is not asked again.
 */
export function guardedConnector({ lookup = systemLookup, isAllowed = isPublicAddress, timeoutMs }: GuardOptions) {
  const checked: LookupFunction = (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, "");
      const addresses = typeof found === "string" ? [] : found;
      const inside = addresses.find(({ address }) => !isAllowed(address));
      if (inside !== undefined || addresses[0] === undefined)
        return done(new PrivateAddress(`${host} has no public address`), "");
      if (options.all === true) return done(null, addresses);
      return done(null, addresses[0].address, addresses[0].family);
    });
  };
  const connect = buildConnector({ lookup: checked, timeout: timeoutMs });
  const guarded: typeof connect = (options, done) => {
    const host = options.hostname.replace(/^\[|\]$/g, "");
    // An address in the URL itself is connected to without any look-up.
    if (isIP(host) !== 0 && !isAllowed(host)) return done(new PrivateAddress(`${host} is no public address`), null);
    return connect(options, done);
  };
  return guarded;
}
