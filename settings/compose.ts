import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { defineArea } from "./shapes.ts";

const text = z.string().optional();
const password = (whose: string) =>
  text.meta(
    about(`The password of ${whose}: \`openssl rand -hex 24\` makes one.`, {
      secret: true,
      unset: "Compose does not start",
    }),
  );

/** Read by docker-compose.yml alone; it stands here to be documented. */
export const composeArea = defineArea({
  title: "Docker Compose",
  needs: "Compose",
  shape: z.object({
    POSTGRES_PASSWORD: password("the administrator of the Postgres that Compose runs"),
    POSTGRES_OWNER_PASSWORD: password("the login that owns the tables, which only the migration uses"),
    POSTGRES_WRITER_PASSWORD: password("the login of the worker and the API"),
    POSTGRES_TEMPORAL_PASSWORD: password("the login of Temporal, which has databases of its own"),
    TEMPORAL_CODEC_ENDPOINT: text.meta(
      about("Where Temporal's UI gets payloads decrypted, where they are encrypted.", {
        example: "http://127.0.0.1:3003/codec",
      }),
    ),
  }),
});
