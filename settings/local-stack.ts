import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { apiArea } from "./api.ts";
import { ConfigError } from "./reader.ts";
import { sandboxPlaceArea } from "./sandbox.ts";
import { defineArea, onOff, port, type Env } from "./shapes.ts";

const text = z.string().optional();

export const localStackArea = defineArea({
  title: "The local stack: `npm start`",
  needs: "npm start",
  shape: z.object({
    POSTGRES_PORT: port.default(55_432).meta(about("The port of the Postgres it runs.", { unit: "port" })),
    TEMPORAL_PORT: port
      .default(7_233)
      .meta(about("The port of the Temporal server it runs; commands read it too.", { unit: "port" })),
    TEMPORAL_UI_PORT: port.default(8_233).meta(about("The port of Temporal's UI.", { unit: "port" })),
    DATA_DIR: text.meta(
      about("Where Postgres and Temporal keep their data.", {
        unset: "`.signal-room/`; /var/lib/signal-room for root in a folder closed to others",
      }),
    ),
    SIGNAL_ROOM_HOME: text.meta(
      about("The folder of `.env` and `.signal-room/`; only the environment can say it.", {
        unset: "the clone's, or where an installed package was called",
        needs: "all processes",
      }),
    ),
    TEMPORAL_CLI_PATH: text.meta(
      about("A Temporal CLI to run, instead of the one on the PATH, in the cache or downloaded."),
    ),
    TEMPORAL_CLI_UNPINNED: onOff
      .default("off")
      .meta(
        about(
          "on takes the Temporal server that Temporal's SDK downloads, whose content we know no SHA-256 of; needed on Windows, and where the index of Python packages cannot be reached.",
        ),
      ),
    XDG_CACHE_HOME: text.meta(
      about("Where a downloaded Temporal server is kept.", { unset: "the user's own cache folder" }),
    ),
    SANDBOX: onOff.default("on").meta(about("off starts no sandbox for vendors without a key.")),
    DEBUG: text.meta(about("Anything prints a stack trace when `npm start` fails.")),
  }),
});

const ports = {
  ...localStackArea.shape.pick({ POSTGRES_PORT: true, TEMPORAL_PORT: true, TEMPORAL_UI_PORT: true }).shape,
  ...apiArea.shape.pick({ API_PORT: true }).shape,
  ...sandboxPlaceArea.shape.pick({ SANDBOX_PORT: true }).shape,
};

/** The port of a server that `npm start` runs. */
export function localPort(env: Env, name: keyof typeof ports): number {
  const port = ports[name].safeParse(env[name]);
  if (!port.success) throw new ConfigError([`${name}: must be a port, 0 to 65535`]);
  return port.data;
}
