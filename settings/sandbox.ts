import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, port } from "./shapes.ts";

/** Where the mock servers are; what else can be set of them stands in sandbox/settings.ts. */
export const sandboxPlaceArea = defineArea({
  title: "The sandbox",
  needs: "sandbox, npm start, worker",
  shape: z.object({
    SANDBOX_HOST: z
      .string()
      .min(1)
      .default("127.0.0.1")
      .meta(about("The address the sandbox listens on.", { forTests: true })),
    SANDBOX_PORT: port.default(3010).meta(about("The port it listens on.", { forTests: true, unit: "port" })),
    SANDBOX_URL: z
      .url()
      .optional()
      .meta(
        about("Where the sandbox is, for a platform that is switched to it.", {
          forTests: true,
          unset: "SANDBOX_HOST and SANDBOX_PORT",
          needs: "worker",
        }),
      ),
  }),
});

export function readSandboxUrl(reader: SettingsReader): string {
  const { SANDBOX_URL, SANDBOX_HOST, SANDBOX_PORT } = reader.values(sandboxPlaceArea.shape);
  return SANDBOX_URL ?? `http://${SANDBOX_HOST}:${SANDBOX_PORT}`;
}
