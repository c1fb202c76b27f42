import type { FastifyRequest } from "fastify";
import type { Config } from "../../settings/config.ts";

type Listening = Pick<Config["api"], "host" | "trustedProxies">;

/** What proxies add. One of them is enough: somebody else stands behind this connection. */
const forwarding =
  /^(forwarded|via|x-forwarded(-.+)?|x-real-ip|x-client-ip|x-cluster-client-ip|x-original-.+|true-client-ip|cf-.+|fastly-.+|fly-.+)$/;

/**
 * A program or a page of this machine itself, which may read amounts and decrypt payloads without a token. The socket
 * alone does not say so: a proxy on the same host connects from loopback too, and a web page whose name was made to
 * resolve to 127.0.0.1 reaches us through the browser of whoever opened it. Naming a proxy in API_TRUSTED_PROXIES ends
 * it altogether.
 */
export function isLocalCall(
  { socket, headers, raw }: Pick<FastifyRequest, "socket" | "headers" | "raw">,
  { host, trustedProxies }: Listening,
): boolean {
  return (
    trustedProxies.length === 0 &&
    isLoopback(host) &&
    isLoopback(socket.remoteAddress ?? "") &&
    isLoopback(nameIn(headers.host)) &&
    // What proxies speak unless they are told otherwise, with a Host of their own making and no header that names them.
    raw.httpVersion !== "1.0" &&
    !Object.keys(headers).some((name) => forwarding.test(name))
  );
}

export function isLoopback(name: string): boolean {
  const plain = name.toLowerCase().replace(/^::ffff:/, "");
  return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** The name in a Host header, without its port. */
export function nameIn(header: string | undefined): string {
  return (
    /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d+)?$/i
      .exec(header ?? "")
      ?.slice(1)
      .find(Boolean) ?? ""
  );
}
