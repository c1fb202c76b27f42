import type { Readable, Writable } from "node:stream";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { typedHere } from "../../settings/typed-here.ts";

export interface Bridge {
  apiUrl: string;
  token: string;
  stdin: Readable;
  stdout: Writable;
  note: (text: string) => void;
}

/**
 * Passes each message of an assistant on to the HTTP server and its answer back, until the assistant hangs up. Nothing is
 * answered here: who may see what is decided in one place.
 */
export async function bridgeAssistant({ apiUrl, token, stdin, stdout, note }: Bridge): Promise<void> {
  const stdio = new StdioServerTransport(stdin, stdout);
  const http = new StreamableHTTPClientTransport(new URL("/mcp", apiUrl), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: (url, init) => askServer(apiUrl, () => fetch(url, init)),
  });
  const underWay = new Set<Promise<void>>();

  const pass = async (message: JSONRPCMessage): Promise<void> => {
    try {
      await http.send(message);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      note(reason);
      if ("method" in message && "id" in message)
        await stdio.send({ jsonrpc: "2.0", id: message.id, error: { code: -32_000, message: reason } });
    }
  };
  http.onmessage = (message) => {
    const agreed = initialized.safeParse(message);
    if (agreed.success) http.setProtocolVersion(agreed.data.result.protocolVersion);
    void stdio.send(message);
  };
  stdio.onmessage = (message) => {
    const passed = pass(message).finally(() => underWay.delete(passed));
    underWay.add(passed);
  };
  stdio.onerror = () => note("a line on stdin is no message of the Model Context Protocol");
  const hungUp = new Promise<void>((resolve) => stdin.once("end", resolve).once("close", resolve));
  await http.start();
  await stdio.start();
  await hungUp;
  await Promise.all(underWay);
  await Promise.all([http.close(), stdio.close()]);
}

/** The answer to the first message says by which version of the protocol the others are sent. */
const initialized = z.object({ result: z.object({ protocolVersion: z.string() }) });
const refusal = z.object({ message: z.string() });
const broken = z.object({ error: refusal });

/** An answer, or what a person can do about it that there is none. */
async function askServer(apiUrl: string, ask: () => Promise<Response>): Promise<Response> {
  const answer = await ask().catch((error: unknown) => {
    if (error instanceof Error && error.name === "AbortError") throw error;
    throw new Error(`the HTTP server does not answer at ${apiUrl} (API_URL): is it running?`);
  });
  // There is no stream to listen to: the SDK asks for one, and does without.
  if (answer.ok || answer.status === 405) return answer;
  const text = await answer.text();
  const body = safeJson(text);
  const reason =
    refusal.safeParse(body).data?.message ?? broken.safeParse(body).data?.error.message ?? `HTTP ${answer.status}`;
  throw new Error(
    answer.status === 401
      ? typedHere(`API_TOKEN is refused: ${reason}. \`npm run token -- --role analyst\` prints a new one`)
      : `the HTTP server refused: ${reason}`,
  );
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
