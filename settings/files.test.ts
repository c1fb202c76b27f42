import path from "node:path";
import { expect, test } from "@jest/globals";
import { ConfigError, loadConfig } from "./config.ts";
import { projectRoot } from "./environment.ts";
import { parseS3Url } from "./files.ts";

const load = (env: Record<string, string> = {}) =>
  loadConfig({ DATABASE_URL: "postgres://localhost/x", CLIENTS: "713,acme", ...env }, [], []);

function problemsOf(env: Record<string, string>): string[] {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("without settings files are taken from a folder of the local stack", () => {
  const { ingest } = load();
  expect(ingest).toMatchObject({
    importDir: path.join(projectRoot(), ".signal-room", "import"),
    maxBytes: 4_294_967_296,
    watchMinutes: 5,
    stillMs: 10_000,
  });
  expect(ingest.clients.get("acme")).toEqual({
    currency: "USD",
    timezone: "America/New_York",
    reportZone: "UTC",
    spendReport: "bids_in_auction",
    refuseAboveShare: 0.5,
    refuseFromLines: 100,
    createStubs: false,
    s3: null,
  });
});

test("a client's own settings win, and keys without a suffix are the first client's alone", () => {
  const { ingest, secrets } = load({
    RTB_CURRENCY: "EUR",
    RTB_CURRENCY_ACME: "BRL",
    INGEST_CREATE_STUBS_ACME: "on",
    S3_ENDPOINT: "https://s3.example.net",
    S3_ACCESS_KEY_ID: "id",
    S3_SECRET_ACCESS_KEY: "canary",
    INGEST_S3_WATCH: "s3://reports/daily/",
    INGEST_WATCH_MINUTES: "0",
  });
  expect(ingest.clients.get("713")).toMatchObject({
    currency: "EUR",
    createStubs: false,
    s3: {
      endpoint: "https://s3.example.net",
      region: "us-east-1",
      keys: { accessKeyId: "id", secretAccessKey: "canary" },
      forcePathStyle: true,
      watch: { bucket: "reports", prefix: "daily/" },
    },
  });
  expect(ingest.clients.get("acme")).toMatchObject({
    currency: "BRL",
    createStubs: true,
    s3: { endpoint: "https://s3.example.net", keys: null, watch: null },
  });
  expect(ingest.watchMinutes).toBeNull();
  expect(secrets).toContain("canary");
});

test("everything that is wrong is reported at once, and once", () => {
  expect(
    problemsOf({
      IMPORT_DIR: "/proc",
      INGEST_MAX_BYTES: "0",
      INGEST_REFUSE_SHARE: "1.5",
      INGEST_CREATE_STUBS: "yes",
      RTB_CURRENCY: "dollars",
      RTB_TIMEZONE_ACME: "Nowhere/Land",
      S3_ENDPOINT: "s3.example.net",
      S3_ACCESS_KEY_ID: "id",
      INGEST_S3_WATCH: "https://reports",
    }).sort(),
  ).toEqual([
    "IMPORT_DIR: /proc belongs to the system: name a folder of its own",
    "INGEST_CREATE_STUBS: must be on or off",
    "INGEST_MAX_BYTES: must be a whole number, at least 1",
    "INGEST_REFUSE_SHARE: must be a number from 0 to 1",
    "INGEST_S3_WATCH: must be written s3://bucket or s3://bucket/folder/",
    "RTB_CURRENCY: must be a currency of ISO 4217, such as USD",
    "RTB_TIMEZONE_ACME: must be a time zone, such as America/New_York",
    "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together: set both or neither",
    "S3_ENDPOINT: must be an address, http:// or https://",
  ]);
});

test.each([
  ["s3://reports/daily/x.csv", { bucket: "reports", key: "daily/x.csv" }],
  ["s3://reports/a b/ü?#.csv", { bucket: "reports", key: "a b/ü?#.csv" }],
  ["s3://reports", null],
  ["s3://reports/", null],
  ["s3://../x.csv", null],
  ["S3://reports/x.csv", null],
  [`s3://reports/${"x".repeat(1_025)}`, null],
])("%s is read as %j", (url, place) => {
  expect(parseS3Url(url)).toEqual(place);
});
