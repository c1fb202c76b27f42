// Stands before the sandbox and answers a page that was asked for once with the same bytes again: making 2,000 conversions
// up takes longer than reading and storing them, and would be most of what is measured. Pages are identified by their address and the key of the request.
import { once } from "node:events";
import { createServer } from "node:http";

const pages = new Map<string, { status: number; bytes: Buffer }>();

const server = createServer((request, response) => {
  void (async () => {
    const url = request.url ?? "/";
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const name = `${url} ${request.headers["x-eflow-api-key"]}`;
    const page = pages.get(name) ?? (await ask(url, request.method ?? "GET", request.headers, Buffer.concat(chunks)));
    if (page.status === 200) pages.set(name, page);
    response.writeHead(page.status, { "content-type": "application/json", "content-length": page.bytes.length });
    response.end(page.bytes);
  })().catch((error: unknown) => response.destroy(error as Error));
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env["PAGE_KEEPER_PORT"]), "127.0.0.1");
await once(server, "listening");
process.on("disconnect", () => process.exit(0));
process.send?.("ready");

async function ask(url: string, method: string, headers: NodeJS.Dict<string | string[]>, body: Buffer) {
  const answer = await fetch(`http://127.0.0.1:${process.env["SANDBOX_PORT"]}${url}`, {
    method,
    headers: { "content-type": "application/json", "x-eflow-api-key": String(headers["x-eflow-api-key"]) },
    ...(method === "GET" ? {} : { body: new Uint8Array(body) }),
  });
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
}
