import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { address, defineArea, isLoopback, wholeNumber } from "./shapes.ts";

const name = /^[A-Za-z][A-Za-z0-9_]{0,60}$/;

export const clickhouseArea = defineArea({
  title: "ClickHouse",
  needs: "worker, API",
  shape: z.object({
    CLICKHOUSE_URL: address
      .refine((url) => /^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""), "must be http:// or https://")
      .refine(
        (url) => !URL.canParse(url) || (new URL(url).username === "" && new URL(url).password === ""),
        "must have no user or password in it: they are settings of their own",
      )
      .optional()
      .meta(
        about(
          "Where ClickHouse is, its HTTP interface. Changed days are mirrored there, and questions over everything are answered from there: see scale.md. https anywhere but on this machine.",
          { unset: "there is none, and Postgres answers everything", example: "http://127.0.0.1:8123" },
        ),
      ),
    CLICKHOUSE_USER: z
      .string()
      .min(1)
      .default("default")
      .meta(about("The user that makes tables there, and writes them.")),
    CLICKHOUSE_PASSWORD: z
      .string()
      .optional()
      .meta(about("Its password.", { secret: true, unset: "none is sent" })),
    CLICKHOUSE_DATABASE: z
      .string()
      .regex(name, "must be a name of letters, digits and _")
      .default("signal_room")
      .meta(about("The database there, which is Signal Room's alone. It is made where it is missing.")),
    CLICKHOUSE_CLUSTER: z
      .string()
      .regex(name, "must be a name of letters, digits and _")
      .optional()
      .meta(
        about("A cluster as its servers call it: rows are replicated, and clients are divided between its shards.", {
          unset: "one server",
        }),
      ),
    CLICKHOUSE_TIMEOUT_MS: wholeNumber(100, 60_000)
      .default(5_000)
      .meta(about("A question that it has not answered by then is answered by Postgres.", { unit: "ms" })),
  }),
});

export interface ClickhouseSettings {
  url: string;
  user: string;
  password: string | null;
  database: string;
  cluster: string | null;
  timeoutMs: number;
}

/** Null where it is not used. */
export function readClickhouseSettings(reader: SettingsReader): ClickhouseSettings | null {
  const values = reader.values(clickhouseArea.shape);
  if (values.CLICKHOUSE_URL === undefined) return null;
  const { protocol, hostname } = new URL(values.CLICKHOUSE_URL);
  if (protocol === "http:" && !isLoopback(hostname) && hostname.includes("."))
    reader.problem("CLICKHOUSE_URL: must be https unless it is on this machine or in this network by a plain name");
  return {
    url: values.CLICKHOUSE_URL,
    user: values.CLICKHOUSE_USER,
    password: values.CLICKHOUSE_PASSWORD ?? null,
    database: values.CLICKHOUSE_DATABASE,
    cluster: values.CLICKHOUSE_CLUSTER ?? null,
    timeoutMs: values.CLICKHOUSE_TIMEOUT_MS,
  };
}
