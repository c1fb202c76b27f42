import { inSuite } from "./in-suite.ts";

/** Faults that the suite causes, each with its test files. */
export const suiteDrills = [
  inSuite({
    rows: [7],
    name: "queues-and-slots",
    what: "more slices than slots, on one worker for each queue",
    expected: "every slice gets its turn",
    files: ["workers/workers.flow.test.ts", "queries/shared/rate-gate.db.test.ts"],
  }),
  inSuite({
    rows: [8, 11],
    name: "odd-answers",
    what: "refusals with every kind of hint; HTML, cut JSON, an empty body, odd numbers, duplicate keys",
    expected: "hints kept, the rest a typed failure with nothing written",
    files: ["connectors/http.test.ts", "connectors/lossless.test.ts", "connectors/vendor-http.test.ts"],
  }),
  inSuite({
    rows: [9],
    name: "bad-days",
    what: "a vendor that fails for a while, or one day for good",
    expected: "retried; the bad day is named, the others come in",
    files: ["workflows/sync/sync-slice.flow.test.ts", "workflows/sync/sync-source.flow.test.ts"],
  }),
  inSuite({
    rows: [12, 13],
    name: "cut-and-changed",
    what: "pages that repeat, shrink or are cut; fields that are new, missing, renamed or of another type",
    expected: "part of a day is refused; new fields are kept, missing ones an error",
    files: [
      "connectors/slices/read-slice.test.ts",
      "connectors/slices/slice-rows.test.ts",
      "connectors/fields.test.ts",
    ],
  }),
  inSuite({
    rows: [14, 15, 16],
    name: "restatements",
    what: "an empty day after a full one, answers out of order, amounts changed later",
    expected: "nothing withdrawn without a word, the newest fetch wins, history kept",
    files: [
      "queries/sync/merge.db.test.ts",
      "queries/sync/merge-checks.db.test.ts",
      "queries/sync/merge-orders.db.test.ts",
      "activities/sync/plan-sync.db.test.ts",
      "activities/sync/sync.db.test.ts",
    ],
  }),
  inSuite({
    rows: [20, 21],
    name: "torn-files",
    what: "files with other encodings, line ends, quotes, NUL, formulas, COPY terminators, 4-byte text",
    expected: "lines in = loaded + quarantined; text kept as it is",
    files: [
      "connectors/files/torture.test.ts",
      "connectors/files/dialects.test.ts",
      "activities/files/ingest.db.test.ts",
      "activities/files/files-model.db.test.ts",
    ],
    env: { MODEL_RUNS: "200" },
  }),
  inSuite({
    rows: [22, 23],
    name: "forbidden-places",
    what: "paths out of the import folder, links, pipes; addresses that lead into the own network",
    expected: "refused, also behind redirects",
    files: [
      "connectors/files/file-places.test.ts",
      "connectors/public-address.test.ts",
      "connectors/platforms/resolve-link.test.ts",
    ],
  }),
  inSuite({
    rows: [24],
    name: "forged-interactions",
    what: "Discord interactions without, with a wrong and with an old signature",
    expected: "401, and PONG for a true PING",
    files: ["rules/recon/discord-interaction.test.ts", "api/recon/discord.db.test.ts"],
  }),
  inSuite({
    rows: [25, 26],
    name: "forged-tokens",
    what: "tokens of other algorithms, keys, audiences, clients; an affiliate who asks for another's reports",
    expected: "401, 403 or 404",
    files: [
      "api/server/auth.test.ts",
      "core/tokens.test.ts",
      "api/recon/recon-access.db.test.ts",
      "api/recon/recon.db.test.ts",
    ],
  }),
  inSuite({
    rows: [28],
    name: "secrets-in-histories",
    what: "vendors that send the key back in errors and rows",
    expected: "in no history, message or row",
    files: ["workflows/secrets.flow.test.ts", "core/redact.test.ts"],
  }),
  inSuite({
    rows: [29, 31],
    name: "replays-and-long-backfills",
    what: "recorded histories replayed by today's code; a backfill over several histories",
    expected: "the same commands; progress right across histories",
    files: ["workflows/replay.flow.test.ts", "workflows/sync/backfill.flow.test.ts"],
  }),
  inSuite({
    rows: [32],
    name: "migrations",
    what: "migrations three at once, and again",
    expected: "applied once, what is there kept",
    files: ["schema/migrate.db.test.ts"],
  }),
];
