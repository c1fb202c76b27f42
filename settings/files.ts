import path from "node:path";
import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { isCurrency } from "../core/currency.ts";
import { isDay, isTimeZone } from "../core/days.ts";
import { homeFolder } from "./environment.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, onOff, wholeNumber } from "./shapes.ts";

const systemFolders = ["/", "/proc", "/sys", "/dev", "/etc", "/run", "/boot"];
const share = "must be a number from 0 to 1";

/** Who can bring a client's ad performance; warehouses by the names of their vendors. */
export const performanceOwners = ["files", "bigquery", "snowflake"] as const;

/** Reports that have spend. */
export const spendReports = ["bids_in_auction", "quality"] as const;
export type SpendReport = (typeof spendReports)[number];

const general = z.object({
  IMPORT_DIR: z
    .string()
    .default(path.join(".signal-room", "import"))
    .transform((folder, context) => {
      const absolute = path.resolve(homeFolder(), folder);
      if (systemFolders.includes(absolute))
        context.addIssue(`${absolute} belongs to the system: name a folder of its own`);
      return absolute;
    })
    .meta(
      about(
        "Where files are taken from; nothing outside is read. Workers and the HTTP server must see the same folder.",
      ),
    ),
  INGEST_WATCH_MINUTES: wholeNumber(0, 1_440)
    .default(5)
    .meta(about("How often the folder and S3 are looked through for new files; 0 is never.", { unit: "minutes" })),
  INGEST_STILL_SECONDS: wholeNumber(0, 3_600)
    .default(10)
    .meta(about("A file is taken when it has not changed for so long.", { unit: "seconds" })),
  INGEST_MAX_BYTES: wholeNumber(1)
    .default(4_294_967_296)
    .meta(about("The largest file, packed or not.", { unit: "bytes" })),
  INGEST_SLOTS: wholeNumber(1, 50)
    .default(2)
    .meta(about("Files under way at a time in one worker.", { unit: "files" })),
  INGEST_UPLOADS_DAYS: wholeNumber(1, 3_650)
    .default(7)
    .meta(about("How long an uploaded file is kept.", { unit: "days" })),
});

const shared = { clients: "shared" } as const;

const ofClient = z.object({
  RTB_CURRENCY: z
    .string()
    .refine(isCurrency, "must be a currency of ISO 4217, such as USD")
    .default("USD")
    .meta(about("The one currency of a client's amounts: a file that names another is refused.", shared)),
  RTB_TIMEZONE: z
    .string()
    .refine(isTimeZone, "must be a time zone, such as America/New_York")
    .default("America/New_York")
    .meta(about("Whose today a line's day must not be after.", shared)),
  RTB_REPORT_TIMEZONE: z
    .string()
    .refine(isTimeZone, "must be a time zone, such as America/New_York")
    .default("UTC")
    .meta(
      about(
        "The time zone that reports of Authorized Buyers are exported in: nothing in them says it. Days and hours of the bidder's own traffic are by the same clock.",
        shared,
      ),
    ),
  RTB_SPEND_REPORT: z
    .enum(spendReports, { error: `must be ${spendReports.join(" or ")}` })
    .default("bids_in_auction")
    .meta(
      about(
        "Which report of Authorized Buyers is the authority for spend. The other one's spend is kept in its own table and added to nothing.",
        shared,
      ),
    ),
  INGEST_REFUSE_SHARE: z.coerce
    .number({ error: share })
    .min(0, share)
    .max(1, share)
    .default(0.5)
    .meta(
      about("A file with more than this share of its lines rejected is refused whole.", { ...shared, unit: "0 to 1" }),
    ),
  INGEST_REFUSE_FROM_LINES: wholeNumber(1, 1_000_000_000)
    .default(100)
    .meta(about("Only a file of at least so many lines is refused whole.", { ...shared, unit: "lines" })),
  INGEST_CREATE_STUBS: onOff
    .default("off")
    .meta(about("on creates unknown creatives; off leaves their lines in the quarantine.", shared)),
});

/** Who rows of ad performance come from. */
const ownerOfClient = z.object({
  RTB_PERFORMANCE_OWNER: z
    .enum(performanceOwners, { error: `must be ${performanceOwners.join(", ")}` })
    .default("files")
    .meta(
      about(
        "Where a client's ad performance comes from: files, or the warehouse of this name. Of two that both brought a day, one would silently overwrite the other.",
        { clients: "own", unset: "`files`" },
      ),
    ),
  RTB_PERFORMANCE_OWNED_FROM: z
    .string()
    .refine(isDay, "must be a day, YYYY-MM-DD")
    .optional()
    .meta(
      about("The first day that the warehouse owns; days before it are those of files.", {
        ...{ clients: "own", unset: "all days are the warehouse's", example: "2025-12-01" },
      }),
    ),
});

/** Whose creatives a file names is said of one client's files alone. */
const seatOfClient = z.object({
  RTB_BUYER_ID: z
    .string()
    .trim()
    .min(1)
    .max(128)
    .optional()
    .meta(
      about("The seat that files are of which do not say it themselves.", {
        clients: "own",
        unset: "such a line is of the one seat that has its creative",
        example: "123456789",
      }),
    ),
});

/** Keys open a client's files: they belong to that client, as everywhere. */
const s3OfClient = z.object({
  S3_ENDPOINT: z
    .string()
    .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), "must be an address, http:// or https://")
    .optional()
    .meta(about("Where files at s3:// are.", { ...shared, unset: "Amazon's own", example: "https://s3.example.net" })),
  S3_REGION: z
    .string()
    .optional()
    .meta(about("The region of the buckets.", { ...shared, unset: "`us-east-1`" })),
  S3_ACCESS_KEY_ID: z
    .string()
    .optional()
    .meta(about("The id of the key that may read them.", { clients: "own", unset: "a role, or AWS_... variables" })),
  S3_SECRET_ACCESS_KEY: z
    .string()
    .optional()
    .meta(about("The key.", { clients: "own", secret: true })),
  S3_FORCE_PATH_STYLE: onOff
    .optional()
    .meta(about("on asks `http://host/bucket/key`.", { ...shared, unset: "on with S3_ENDPOINT, else off" })),
  INGEST_S3_WATCH: z
    .string()
    .transform((url, context) => {
      const place = parseS3Url(url, { prefix: true });
      if (place === null) context.addIssue("must be written s3://bucket or s3://bucket/folder/");
      return place;
    })
    .optional()
    .meta(
      about("Looked through for new files, as often as the folder.", {
        clients: "own",
        example: "s3://reports/daily/",
      }),
    ),
});

export const filesArea = defineArea({
  title: "Files of ad performance",
  needs: "worker, API",
  shape: general.extend(ofClient.shape).extend(ownerOfClient.shape).extend(seatOfClient.shape).extend(s3OfClient.shape),
});

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

export interface PerformanceOwner {
  vendor: Exclude<(typeof performanceOwners)[number], "files">;
  /** Null: all days. */
  from: string | null;
}

/** What holds for the files of one client. */
export interface ClientIngestSettings {
  /** Amounts are in this one currency: a file that names another is refused. */
  currency: string;
  /** Whose today a day must not be after. */
  timezone: string;
  /** The zone that days and hours of reports are in. */
  reportZone: string;
  spendReport: SpendReport;
  refuseAboveShare: number;
  refuseFromLines: number;
  /** Unknown creatives are created instead of their lines being rejected. */
  createStubs: boolean;
  /** The seat of files that name none. */
  buyerId?: string;
  /** The warehouse that days are of, and the first of them; left out where all are of files. */
  owner?: PerformanceOwner;
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

/** How files are imported. */
export function readIngestSettings(reader: SettingsReader): IngestSettings {
  const values = reader.values(general);
  return {
    importDir: values.IMPORT_DIR,
    maxBytes: values.INGEST_MAX_BYTES,
    slots: values.INGEST_SLOTS,
    watchMinutes: values.INGEST_WATCH_MINUTES === 0 ? null : values.INGEST_WATCH_MINUTES,
    stillMs: values.INGEST_STILL_SECONDS * 1_000,
    uploadsDays: values.INGEST_UPLOADS_DAYS,
    clients: new Map(reader.clients.map((client) => [client, readClient(reader, client)])),
  };
}

function readClient(reader: SettingsReader, client: string): ClientIngestSettings {
  const values = reader.valuesOf(client, ofClient);
  const { RTB_BUYER_ID: buyerId } = reader.valuesOf(client, seatOfClient);
  const owner = readOwner(reader, client);
  return {
    currency: values.RTB_CURRENCY,
    timezone: values.RTB_TIMEZONE,
    reportZone: values.RTB_REPORT_TIMEZONE,
    spendReport: values.RTB_SPEND_REPORT,
    refuseAboveShare: values.INGEST_REFUSE_SHARE,
    refuseFromLines: values.INGEST_REFUSE_FROM_LINES,
    createStubs: values.INGEST_CREATE_STUBS === "on",
    // Left out where it is not set: a hash of these settings stands beside each file.
    ...(buyerId === undefined ? {} : { buyerId }),
    ...(owner === undefined ? {} : { owner }),
    s3: readS3(reader, client),
  };
}

function readOwner(reader: SettingsReader, client: string): PerformanceOwner | undefined {
  const { RTB_PERFORMANCE_OWNER: vendor, RTB_PERFORMANCE_OWNED_FROM: from } = reader.valuesOf(client, ownerOfClient);
  return vendor === "files" ? undefined : { vendor, from: from ?? null };
}

function readS3(reader: SettingsReader, client: string): S3Settings | null {
  const values = reader.valuesOf(client, s3OfClient);
  const { S3_ENDPOINT: endpoint, S3_REGION: region, INGEST_S3_WATCH: watch } = values;
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    reader.problem("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together: set both or neither");
  if ([accessKeyId, endpoint, region, watch].every((value) => value === undefined)) return null;
  return {
    endpoint: endpoint ?? null,
    region: region ?? "us-east-1",
    keys: accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey },
    forcePathStyle:
      values.S3_FORCE_PATH_STYLE === undefined ? endpoint !== undefined : values.S3_FORCE_PATH_STYLE === "on",
    watch: watch == null ? null : { bucket: watch.bucket, prefix: watch.key },
  };
}

/** `s3://bucket/some/key.csv`; null when it is not written so. A prefix may be empty, a key may not. */
export function parseS3Url(url: string, options: { prefix?: boolean } = {}): { bucket: string; key: string } | null {
  const found = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(url);
  const [, bucket, key = ""] = found ?? [];
  if (bucket === undefined || (key === "" && options.prefix !== true)) return null;
  return Buffer.byteLength(key) > 1_024 ? null : { bucket, key };
}
