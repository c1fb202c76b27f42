import http from "node:http";
import type { AddressInfo } from "node:net";

/** For tests only: a server that answers as none should, told by the first part of the path. */
const answers: Record<string, (response: http.ServerResponse) => void> = {
  silent: () => undefined,
  broken: (response) => response.destroy(),
  failing: (response) => response.writeHead(500).end("oh"),
  refusing: (response) => response.writeHead(429, { "retry-after": "60" }).end("{}"),
  gone: (response) => response.writeHead(404).end('{"error":"not_found"}'),
  page: (response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>Login</h1>"),
  nothing: (response) => response.writeHead(200).end("null"),
  number: (response) => response.writeHead(200).end("7"),
  other: (response) =>
    response.writeHead(200).end('{"offer_id":"4","variation_id":1,"text_content":"x","link":"https://x.example/"}'),
  script: (response) =>
    response.writeHead(200).end('{"offer_id":4,"variation_id":1,"text_content":"x","link":"javascript:alert(1)"}'),
  waiting: (response) => response.writeHead(503).end('{"error":"tracking_failed","recorded":false}'),
  odd: (response) => response.writeHead(503).end("not json"),
  dripping: (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 50);
    response.on("close", () => clearInterval(timer));
  },
};
export const hostilities = Object.keys(answers);
/** The database is away, and the event waits on the server's disk. */
answers["spooling"] = (response) => response.writeHead(503).end('{"error":"tracking_failed","recorded":true}');

export async function startHostileServer(): Promise<{ urlOf: (hostility: string) => string; stop: () => void }> {
  const server = http.createServer((request, response) => answers[request.url?.split("/")[1] ?? ""]?.(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (hostility) => `http://127.0.0.1:${port}/${hostility}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
