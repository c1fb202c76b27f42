import path from "node:path";
import type { ReadSetting } from "./shapes.ts";
import { isTimeZone } from "../core/days.ts";
import { homeFolder } from "./environment.ts";

/** Where `s3://` leads for one client. */
export interface S3Settings {
  /** Null: Amazon's own. */
  endpoint: string | null;
  region: string;
  /** Null: as the machine is set up, a role or AWS_... variables. */
  keys: { accessKeyId: string; secretAccessKey: string } | null;
  /** `http://host/bucket/key`, as most servers other than Amazon's want it. */
  forcePathStyle: boolean;
  /** Looked through for new files on the schedule; null when not. */
  watch: { bucket: string; prefix: string } | null;
}

/** What holds for the files of one client. */
export interface ClientIngestSettings {
  /** Amounts are in this one currency: a file that names another is refused. */
  currency: string;
  /** Whose today a day must not be after. */
  timezone: string;
  refuseAboveShare: number;
  refuseFromLines: number;
  /** Unknown creatives are created instead of their lines being rejected. */
  createStubs: boolean;
  s3: S3Settings | null;
}

export interface IngestSettings {
  /** Absolute. Nothing outside of it is read. */
  importDir: string;
  maxBytes: number;
  /** Files under way at a time in one worker. */
  slots: number;
  /** How often the import folder is looked through; null when it is not. */
  watchMinutes: number | null;
  /** A file is taken when it has not changed for so long. */
  stillMs: number;
  uploadsDays: number;
  clients: Map<string, ClientIngestSettings>;
}

const systemFolders = ["/", "/proc", "/sys", "/dev", "/etc", "/run", "/boot"];

/** How files are imported. Problems are added to the list. */
export function readIngestSettings(
  env: Record<string, string>,
  clients: readonly string[],
  read: ReadSetting,
  problems: string[],
): IngestSettings {
  const number = (
    text: string | undefined,
    name: string,
    otherwise: number,
    { least, most, whole = true }: { least: number; most: number; whole?: boolean },
  ) => {
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
    problems.push(`${name}: must be a ${whole ? "whole " : ""}number from ${least} to ${most}`);
    return otherwise;
  };
  const general = (name: string, otherwise: number, least: number, most: number) =>
    number(env[name], name, otherwise, { least, most });
  const onOff = (text: string | undefined, name: string, otherwise: boolean) => {
    if (text !== undefined && text !== "on" && text !== "off") problems.push(`${name}: must be on or off`);
    return text === undefined ? otherwise : text === "on";
  };

  const importDir = path.resolve(homeFolder(), env["IMPORT_DIR"] ?? path.join(".signal-room", "import"));
  if (systemFolders.includes(importDir))
    problems.push(`IMPORT_DIR: ${importDir} belongs to the system: name a folder of its own`);
  const watchMinutes = general("INGEST_WATCH_MINUTES", 5, 0, 1_440);
  return {
    importDir,
    maxBytes: general("INGEST_MAX_BYTES", 4_294_967_296, 1, Number.MAX_SAFE_INTEGER),
    slots: general("INGEST_SLOTS", 2, 1, 50),
    watchMinutes: watchMinutes === 0 ? null : watchMinutes,
    stillMs: general("INGEST_STILL_SECONDS", 10, 0, 3_600) * 1_000,
    uploadsDays: general("INGEST_UPLOADS_DAYS", 7, 1, 3_650),
    clients: new Map(clients.map((client) => [client, ofClient(client)])),
  };

  function ofClient(client: string): ClientIngestSettings {
    const shared = (name: string) => read(name, client, "shared");
    const currency = shared("RTB_CURRENCY") ?? "USD";
    if (!/^[A-Z]{3}$/.test(currency)) problems.push("RTB_CURRENCY: must be three capital letters, such as USD");
    const timezone = shared("RTB_TIMEZONE") ?? "America/New_York";
    if (!isTimeZone(timezone)) problems.push("RTB_TIMEZONE: must be a time zone, such as America/New_York");
    return {
      currency,
      timezone,
      refuseAboveShare: number(shared("INGEST_REFUSE_SHARE"), "INGEST_REFUSE_SHARE", 0.5, {
        least: 0,
        most: 1,
        whole: false,
      }),
      refuseFromLines: number(shared("INGEST_REFUSE_FROM_LINES"), "INGEST_REFUSE_FROM_LINES", 100, {
        least: 1,
        most: 1_000_000_000,
      }),
      createStubs: onOff(shared("INGEST_CREATE_STUBS"), "INGEST_CREATE_STUBS", false),
      s3: s3Of(client),
    };
  }

  function s3Of(client: string): S3Settings | null {
    const shared = (name: string) => read(name, client, "shared");
    // Keys open a client's files: they belong to that client, as everywhere.
    const accessKeyId = read("S3_ACCESS_KEY_ID", client, "own");
    const secretAccessKey = read("S3_SECRET_ACCESS_KEY", client, "own");
    const endpoint = shared("S3_ENDPOINT") ?? null;
    const region = shared("S3_REGION");
    const watched = read("INGEST_S3_WATCH", client, "own");
    if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
      problems.push("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together: set both or neither");
    if (endpoint !== null && !(/^https?:\/\//.test(endpoint) && URL.canParse(endpoint)))
      problems.push("S3_ENDPOINT: must be an address, http:// or https://");
    const watch = watched === undefined ? null : parseS3Url(watched, { prefix: true });
    if (watched !== undefined && watch === null)
      problems.push("INGEST_S3_WATCH: must be written s3://bucket or s3://bucket/folder/");
    if ([accessKeyId, endpoint ?? undefined, region, watched].every((value) => value === undefined)) return null;
    return {
      endpoint,
      region: region ?? "us-east-1",
      keys: accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey },
      forcePathStyle: onOff(shared("S3_FORCE_PATH_STYLE"), "S3_FORCE_PATH_STYLE", endpoint !== null),
      watch: watch === null ? null : { bucket: watch.bucket, prefix: watch.key },
    };
  }
}

/** `s3://bucket/some/key.csv`; null when it is not written so. A prefix may be empty, a key may not. */
export function parseS3Url(url: string, options: { prefix?: boolean } = {}): { bucket: string; key: string } | null {
  const found = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(url);
  const [, bucket, key = ""] = found ?? [];
  if (bucket === undefined || (key === "" && options.prefix !== true)) return null;
  return Buffer.byteLength(key) > 1_024 ? null : { bucket, key };
}
