import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";

/** For tests only: the protocol's own client, as an assistant has it. */
export interface Assistant {
  client: Client;
  names: () => Promise<string[]>;
  ask: (name: string, given?: Record<string, unknown>) => Promise<CallToolResult>;
  close: () => Promise<void>;
}

/** It checks each answer against the schema that it was shown. */
export async function assistantOver(transport: Transport): Promise<Assistant> {
  const client = new Client({ name: "tests", version: "1" });
  await client.connect(transport);
  const names = async () => (await client.listTools()).tools.map((tool) => tool.name);
  await names();
  return {
    client,
    names,
    ask: async (name, given = {}) => (await client.callTool({ name, arguments: given })) as CallToolResult,
    close: () => client.close(),
  };
}

export function assistantAt(url: string, headers: Record<string, string>): Promise<Assistant> {
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  // The SDK's own types are written without exactOptionalPropertyTypes.
  return assistantOver(transport as Transport);
}

export const textOf = ({ content }: CallToolResult): string =>
  content.map((part) => (part.type === "text" ? part.text : "")).join("\n");
