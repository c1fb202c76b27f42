import ipaddr from "ipaddr.js";

/** What stands in front of a port: `1.2.3.4:5678` or `[::1]:443`. Without brackets a last part of IPv6 cannot be told from a port. */
const withPort = /^(?:\[(?<six>[^\]]*)\]|(?<four>\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/;

/** How most are written, which is how we write them: the library takes ten times as long to say so. */
const byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const plainFour = new RegExp(`^(?:${byte}\\.){3}${byte}$`);

/**
 * One spelling per address, whatever port it came from: ::ffff:1.2.3.4 is 1.2.3.4, and zeros are written one way.
 * Null where it is no address.
 */
export function addressOf(given: string): string | null {
  const text = given.trim();
  if (plainFour.test(text)) return text;
  const { six, four } = withPort.exec(text)?.groups ?? {};
  // A zone is the sender's name for one of its own cables.
  const bare = (six ?? four ?? text).replace(/%.*/, "");
  const isWhole = ipaddr.IPv6.isValid(bare) || ipaddr.IPv4.isValidFourPartDecimal(bare);
  return isWhole ? ipaddr.process(bare).toString() : null;
}
