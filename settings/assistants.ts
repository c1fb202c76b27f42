import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { ApiAccess } from "./api.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, isLoopback } from "./shapes.ts";

const shape = z.object({
  API_URL: z
    .url({ protocol: /^https?$/, error: "must be an address" })
    .refine((url) => url.startsWith("https:") || isLoopback(new URL(url).hostname), "must be an https:// address")
    .optional()
    .meta(
      about("Where `mcp` finds the HTTP server.", {
        unset: "API_HOST and API_PORT of this machine",
        example: "https://signal-room.example",
      }),
    ),
  API_TOKEN: z
    .string()
    .regex(/^[\w-]+\.[\w-]+\.[\w-]*$/, "must be a token, as `npm run token` prints it")
    .optional()
    .meta(about("The token that `mcp` asks with: what an assistant may see is what it may.", { secret: true })),
});

export const assistantsArea = defineArea({ title: "Assistants", needs: "mcp", shape });

export interface AssistantSettings {
  apiUrl: string;
  token: string | null;
}

export function readAssistants(
  reader: SettingsReader,
  { host, port }: Pick<ApiAccess, "host" | "port">,
): AssistantSettings {
  const { API_URL: url, API_TOKEN: token } = reader.values(shape);
  // A server that listens on every address of this machine is found on the first of them.
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return { apiUrl: url ?? `http://${name.includes(":") ? `[${name}]` : name}:${port}`, token: token ?? null };
}
