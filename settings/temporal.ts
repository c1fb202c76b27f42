import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, onOff } from "./shapes.ts";

const text = z.string().optional();

/** What begins with TEMPORAL_ is read by Temporal's own settings reader; it stands here to be documented and kept out of logs. */
export const temporalArea = defineArea({
  title: "Temporal",
  needs: "worker, API, npm start",
  shape: z.object({
    TEMPORAL_ADDRESS: text.meta(
      about("Where the Temporal server is.", { unset: "`npm start` runs its own", example: "localhost:7233" }),
    ),
    TEMPORAL_NAMESPACE: text.meta(about("The namespace workflows run in.", { unset: "`default`" })),
    TEMPORAL_API_KEY: text.meta(about("A key for Temporal Cloud; TLS is then on by itself.", { secret: true })),
    TEMPORAL_PROFILE: text.meta(
      about("A profile of temporal.toml, see temporal.toml.example.", { example: "production" }),
    ),
    TEMPORAL_CONFIG_FILE: text.meta(about("Where temporal.toml is.", { example: "./temporal.toml" })),
    TEMPORAL_TLS: text.meta(about("TLS without a profile: true or false.", { example: "true" })),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: text.meta(
      about("A file with the certificate of the server's CA; its text goes in ..._CA_CERT_DATA."),
    ),
    TEMPORAL_TLS_CLIENT_CERT_PATH: text.meta(
      about("A file with our certificate; its text goes in ..._CLIENT_CERT_DATA."),
    ),
    TEMPORAL_TLS_CLIENT_KEY_PATH: text.meta(
      about("A file with our certificate's key; its text goes in ..._CLIENT_KEY_DATA."),
    ),
    TEMPORAL_TLS_SERVER_NAME: text.meta(about("The name the server's certificate has, where it is not its address.")),
    TASK_QUEUE_PREFIX: z
      .string()
      .regex(/^[A-Za-z0-9._-]*$/)
      .default("")
      .meta(about("A prefix of every task queue, schedule and memo, so that several stacks can share a namespace.")),
    SEARCH_ATTRIBUTES: onOff
      .default("on")
      .meta(about("off starts workflows without search attributes, where they cannot be registered.")),
  }),
});

export interface TemporalSettings {
  /** A prefix of every task queue, so that several stacks can share a namespace. */
  queuePrefix: string;
  searchAttributes: boolean;
}

export function readTemporal(reader: SettingsReader): TemporalSettings {
  const values = reader.values(temporalArea.shape);
  return { queuePrefix: values.TASK_QUEUE_PREFIX, searchAttributes: values.SEARCH_ATTRIBUTES === "on" };
}
