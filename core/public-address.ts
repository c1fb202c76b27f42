import ipaddr from "ipaddr.js";

/** Public IPv6 space; what lies outside is unassigned, local, or an IPv4 address in disguise. */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether an address belongs to a host on the internet. Addresses that carry another one inside (mapped, NAT64, 6to4,
 * Teredo) never do: who connects to them is taken to the one inside.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== "unicast") return false;
  return address.kind() === "ipv4" || (address as ipaddr.IPv6).match(globalUnicast);
}

/** Names that lead into our own network by what they are, wherever they are looked up. */
const insideNames = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/;

/** Whether the host of a URL, as it was read from one, is inside by its literal address or name; no name is looked up. */
export function isInsideHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return ipaddr.isValid(host) ? !isPublicAddress(host) : insideNames.test(host.toLowerCase());
}
