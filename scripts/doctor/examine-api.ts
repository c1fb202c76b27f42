import { createHttp } from "../../connectors/http.ts";
import type { CommandContext } from "../shared/command-line.ts";
import { type Finding, messageOf, ok, warn } from "./findings.ts";

export async function examineApi(context: CommandContext): Promise<Finding[]> {
  const { host, port } = context.config.api;
  const address = `${host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host}:${port}`;
  const http = createHttp({
    baseUrl: `http://${address}`,
    erase: context.redact,
    redact: context.redact,
    anyAnswer: true,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
    limits: { totalTimeoutMs: 3_000, connectAttempts: 1, maxBytes: 65_536 },
  });
  try {
    await http.json({ path: "/healthz" });
    return [ok(`HTTP server at ${address} is healthy`)];
  } catch (error) {
    return [warn(`HTTP server at ${address}: ${messageOf(error)}`, "npm run api (API_HOST, API_PORT say where)")];
  }
}
