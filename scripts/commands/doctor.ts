import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { z } from "zod";
import { settingInForce, settingName } from "../../core/setting-name.ts";
import { ConfigError, type Account } from "../../settings/config.ts";
import { createRateGate } from "../../activities/shared/rate-gate.ts";
import { gatedHttp } from "../../activities/shared/with-vendor.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { createHttp } from "../../connectors/http.ts";
import { findDestination } from "../../connectors/destinations/registry.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { probeS3 } from "../../connectors/files/s3-place.ts";
import type { Vendor } from "../../connectors/source.ts";
import { readRights, readServer } from "../../queries/ops/server.ts";
import type { Database } from "../../schema/database.ts";
import { pendingMigrations } from "../../schema/migrate.ts";
import {
  deployment,
  ingestQueue,
  mainQueue,
  plannedSchedules,
  retentionDays,
  searchAttributes,
  vendorQueue,
} from "../../temporal.config.ts";
import {
  CommandError,
  databasePlace,
  defineCommand,
  exitCodes,
  readSettings,
  runCommand,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { accountOrigin } from "../shared/account-origin.ts";
import { countPollers } from "../shared/follow-workflow.ts";
import { count, instant } from "../shared/printing.ts";
import { readScheduleStates } from "../shared/schedule-states.ts";

interface Finding {
  level: "ok" | "warn" | "FAIL";
  what: string;
  /** What to do about it. */
  todo?: string;
}

const oldestPostgres = 150_000;
const mostClockDriftMs = 5_000;
const probeTimeoutMs = 20_000;
const secondsPerDay = 86_400;

const ok = (what: string): Finding => ({ level: "ok", what });
const warn = (what: string, todo: string): Finding => ({ level: "warn", what, todo });
const fail = (what: string, todo: string): Finding => ({ level: "FAIL", what, todo });

const command = defineCommand(
  "doctor",
  "Checks settings, keys, Postgres, Temporal and the HTTP server, and says what to do. Exits 1 on a FAIL.",
  ["npm run doctor", "npm run doctor -- --json"],
);

command.action(async (options: { json?: boolean }) => {
  const broken = brokenSettings();
  if (broken === null) return work(z.object({}), examine)(command);
  // Nothing else can be looked at without settings; they are shown the way everything else is.
  const { document, lines } = report(broken);
  process.stdout.write(
    options.json === true ? `${JSON.stringify(document, null, 2)}\n` : lines.map((line) => `${line}\n`).join(""),
  );
  process.exitCode = exitCodes.found;
});

function brokenSettings(): Finding[] | null {
  try {
    readSettings();
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => fail(`settings: ${problem}`, "see docs/settings.md"));
  }
}

async function examine(context: CommandContext): Promise<Report> {
  const findings: Finding[] = [];
  const look = async (what: string, check: () => Promise<Finding[]>) => {
    context.progress.show(`looking at ${what}`);
    findings.push(
      ...(await check().catch((error: unknown) => [
        fail(`${what}: ${error instanceof Error ? error.message : String(error)}`, "see above for what it depends on"),
      ])),
    );
  };
  await look("settings", () => Promise.resolve(describeSettings(context)));
  let database: Database | null = null;
  await look("Postgres", async () => {
    try {
      database = await context.database();
    } catch (error) {
      return [fail(`Postgres: ${messageOf(error)}`, "nothing is stored without it")];
    }
    return examineDatabase(context, database);
  });
  for (const account of context.config.accounts.values())
    await look(`the key for ${account.name}`, () => examineKey(context, account, database));
  await look("the import folder", () => examineImport(context));
  await look("Temporal", () => examineTemporal(context));
  await look("the HTTP server", () => examineApi(context));
  return report(findings);
}

function report(findings: Finding[]): Report {
  const failed = findings.some((finding) => finding.level === "FAIL");
  return {
    exitCode: failed ? exitCodes.found : exitCodes.fine,
    document: { ok: !failed, findings },
    lines: findings.map(
      ({ level, what, todo }) => `${level.padEnd(4)}  ${what}${todo === undefined ? "" : `  — ${todo}`}`,
    ),
  };
}

/** Which settings are set. Never their values. */
function describeSettings({ env, config }: CommandContext): Finding[] {
  const general =
    /^(NODE_ENV|DATABASE_.+|CLIENTS|TASK_QUEUE_PREFIX|WORKER_.+|VENDOR_SLOTS|UNAVAILABLE_ATTEMPTS|API_.+|SEARCH_ATTRIBUTES|(PAYLOAD|IDENTITY|CREDENTIALS)_ENCRYPTION_KEY(_PREVIOUS)?|CREDENTIALS_HASHING_KEY|DELIVERY_.+|ALERT_WEBHOOK_URL|LOG_LEVEL|RETENTION_.+|TEMPORAL_.+|IMPORT_DIR|INGEST_.+|RTB_.+|S3_.+)$/;
  const ofVendors = vendors.map((vendor) => `${settingName(vendor.name)}_`);
  const set = Object.keys(env).filter(
    (name) => general.test(name) || ofVendors.some((prefix) => name.startsWith(prefix)),
  );
  return [
    ok(`settings: ${set.length === 0 ? "none set, all defaults" : `set are ${set.sort().join(", ")}`}`),
    ok(`clients: ${config.clients.join(", ")}`),
    config.payloadKey === null
      ? ok("payloads: stored by Temporal in clear; PAYLOAD_ENCRYPTION_KEY would encrypt them")
      : ok("payloads: encrypted with PAYLOAD_ENCRYPTION_KEY"),
    ...(config.api.jwtSecret === null && config.api.jwksUrl === null
      ? [
          warn(
            "tokens: neither API_JWT_SECRET nor API_JWKS_URL is set",
            "set one: without it the HTTP server refuses every request",
          ),
        ]
      : []),
  ];
}

async function examineDatabase(context: CommandContext, database: Database): Promise<Finding[]> {
  const place = databasePlace(context.config.databaseUrl);
  const server = await readServer(database);
  const findings: Finding[] = [
    server.version >= oldestPostgres
      ? ok(`Postgres ${server.versionText} at ${place}`)
      : fail(`Postgres ${server.versionText} at ${place} is too old`, "use 15 or later"),
  ];
  const driftMs = Math.abs(server.now.getTime() - Date.now());
  if (driftMs > mostClockDriftMs)
    findings.push(
      warn(
        `clocks: this machine and Postgres differ by ${Math.round(driftMs / 1_000)} s`,
        "set them by NTP: tokens and schedules compare clocks",
      ),
    );
  const pending = await pendingMigrations(database);
  if (pending > 0) return [...findings, fail(`migrations: ${count(pending, "migration")} pending`, "npm run migrate")];
  findings.push(
    pending < 0
      ? warn("migrations: the database is ahead of this code", "run the newer release")
      : ok("migrations: none pending"),
  );

  const { missing, reader } = await readRights(database, [
    "ops",
    ...new Set(sources.map((source) => source.name.split(".")[0] ?? "")),
  ]);
  findings.push(
    missing.length === 0
      ? ok(`role ${server.role}: may read and write what it has to`)
      : fail(`role ${server.role} may not ${missing.slice(0, 5).join(", ")}`, "grant it, or let it own the tables"),
    reader
      ? ok("role signal_room_reader: there for analysts")
      : warn(
          "role signal_room_reader is missing",
          "an administrator creates it (create role signal_room_reader nologin), then npm run migrate",
        ),
  );
  return findings;
}

/** The vendor's cheapest call, at the account's pace. */
async function examineKey(context: CommandContext, account: Account, database: Database | null): Promise<Finding[]> {
  const where = `${accountOrigin(account)}, ${new URL(account.baseUrl).host}`;
  const vendor = vendors.find((candidate) => candidate.name === account.vendor);
  if (account.secrets === null && vendor?.optional === true)
    return [ok(`${account.name}: not configured, and not needed (${account.missing.join(", ")})`)];
  if (account.secrets === null)
    return [
      warn(
        `${account.name}: ${where}`,
        `set ${account.missing.join(", ")}, or this client goes without ${account.vendor}`,
      ),
    ];
  if (vendor === undefined) return [];
  if (database === null)
    return [
      warn(`${account.name}: the key was not tried (${where})`, "the pace is kept in Postgres, which does not answer"),
    ];
  try {
    await probe(context, account, vendor, database);
    return [ok(`${account.name}: the key works (${where})`)];
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const settings = Object.keys(account.secrets)
      .map((name) => settingInForce(context.env, name, account.client))
      .join(", ");
    if (error.kind === "unauthorized")
      return [
        fail(`${account.name}: the key is refused (${where}): ${error.message}`, `set ${settings} to a key that works`),
      ];
    if (error.kind === "rate_limited" || error.kind === "quota_spent")
      return [warn(`${account.name}: the vendor asks to wait (${where})`, "try again later; workers keep to its hint")];
    return [
      fail(
        `${account.name}: ${error.message} (${where})`,
        `is ${settingInForce(context.env, `${settingName(account.vendor)}_BASE_URL`, account.client)} right? Is the vendor up?`,
      ),
    ];
  }
}

async function probe({ redact }: CommandContext, account: Account, vendor: Vendor, database: Database): Promise<void> {
  const secrets = account.secrets ?? {};
  const signal = AbortSignal.timeout(probeTimeoutMs);
  const http = gatedHttp({ gate: createRateGate(database), redact }, { vendor, account }, { signal });
  try {
    const answer = await http.json(vendor.probe(secrets, account.settings));
    const problem = vendor.check?.(answer) ?? null;
    if (problem !== null) throw new ConnectorError("malformed", problem);
    await findDestination(vendor.name)?.checkAccount?.({ http, secrets, settings: account.settings });
  } catch (error) {
    throw signal.aborted
      ? new ConnectorError(
          "unavailable",
          `no answer within ${probeTimeoutMs / 1_000} s, waiting for the account's turn included`,
        )
      : error;
  }
}

/** Where files are imported from: the folder, and S3 for each client that has one. */
async function examineImport({ config }: CommandContext): Promise<Finding[]> {
  const { importDir, clients } = config.ingest;
  const findings: Finding[] = [];
  try {
    await mkdir(importDir, { recursive: true, mode: 0o750 });
    await access(importDir, constants.R_OK | constants.W_OK);
    findings.push(ok(`import folder ${importDir}: may be read and written`));
  } catch (error) {
    findings.push(
      fail(
        `import folder ${importDir}: ${messageOf(error)}`,
        "make it, or give this user the right to read and write there (IMPORT_DIR); the worker and the HTTP server need it too",
      ),
    );
  }
  for (const [client, { s3 }] of clients) {
    if (s3 === null) continue;
    const where = `S3 of client ${client} (${s3.endpoint ?? s3.region})`;
    try {
      await probeS3(s3, AbortSignal.timeout(probeTimeoutMs));
      findings.push(ok(`${where}: the server answers and takes the keys`));
    } catch (error) {
      // A key that may read its bucket and list nothing else is a good key.
      const listsNothing = error instanceof ConnectorError && error.kind === "unauthorized" && s3.watch === null;
      findings.push(
        listsNothing
          ? warn(
              `${where}: the server answers, and does not let the keys list buckets`,
              "that is fine if they may read the files",
            )
          : fail(`${where}: ${messageOf(error)}`, "see S3_... in docs/settings.md"),
      );
    }
  }
  return findings;
}

async function examineTemporal(context: CommandContext): Promise<Finding[]> {
  let temporal: Awaited<ReturnType<CommandContext["temporal"]>>;
  try {
    temporal = await context.temporal();
  } catch (error) {
    return [fail(`Temporal: ${messageOf(error)}`, "nothing runs without it")];
  }
  const { connection, address, namespace } = temporal;
  const described = await connection.workflowService.describeNamespace({ namespace }).catch(async (error: unknown) => {
    const { isGrpcServiceError } = await import("@temporalio/client");
    if (!isGrpcServiceError(error)) throw error;
    return error.details;
  });
  if (typeof described === "string")
    return [
      fail(
        `Temporal at ${address}: namespace ${namespace}: ${described}`,
        `create it (temporal operator namespace create --namespace ${namespace} --retention ${retentionDays}d), or set TEMPORAL_NAMESPACE, TEMPORAL_API_KEY`,
      ),
    ];
  const findings = [ok(`Temporal at ${address}, namespace ${namespace}`)];
  const keptDays = Number(described.config?.workflowExecutionRetentionTtl?.seconds ?? 0) / secondsPerDay;
  findings.push(
    keptDays >= retentionDays
      ? ok(`retention: closed workflows are kept ${count(Math.floor(keptDays), "day")}`)
      : warn(
          `retention: closed workflows are kept ${count(Number(keptDays.toFixed(1)), "day")}, ${retentionDays} are wanted`,
          `temporal operator namespace update --namespace ${namespace} --retention ${retentionDays}d --address ${address}`,
        ),
  );
  return [
    ...findings,
    ...(await examineSearchAttributes(context)),
    ...(await examineSchedules(context)),
    ...(await examinePollers(context)),
  ];
}

async function examineSearchAttributes(context: CommandContext): Promise<Finding[]> {
  if (!context.config.searchAttributes) return [ok("search attributes: off (SEARCH_ATTRIBUTES)")];
  const { connection, namespace, address } = await context.temporal();
  const { missingSearchAttributes } = await import("../../temporal/search-attributes.ts");
  let missing: string[];
  try {
    missing = await missingSearchAttributes(connection, namespace);
  } catch (error) {
    return [
      warn(
        `search attributes: Temporal does not list them (${messageOf(error)})`,
        "Temporal Cloud lists them under the namespace; SEARCH_ATTRIBUTES=off goes without",
      ),
    ];
  }
  if (missing.length === 0) return [ok(`search attributes: ${Object.keys(searchAttributes).join(", ")}`)];
  const names = missing
    .map((name) => `--name ${name} --type ${searchAttributes[name as keyof typeof searchAttributes]}`)
    .join(" ");
  return [
    fail(
      `search attributes: ${missing.join(", ")} missing, so workflows cannot start`,
      `temporal operator search-attribute create --namespace ${namespace} --address ${address} ${names}`,
    ),
  ];
}

async function examineSchedules(context: CommandContext): Promise<Finding[]> {
  const { client } = await context.temporal();
  const planned = plannedSchedules(context.config);
  const states = await readScheduleStates(client, planned);
  const findings = states.map(({ scheduleId, state, note, nextRuns }) => {
    if (state === "missing") return fail(`schedule ${scheduleId} is missing`, "npm run schedules");
    if (state === "paused")
      return warn(
        `schedule ${scheduleId} is paused${note === null || note === "" ? "" : `: ${note}`}`,
        `temporal schedule toggle --unpause --schedule-id ${scheduleId}`,
      );
    return ok(`schedule ${scheduleId}: next ${nextRuns[0] === undefined ? "never" : instant(nextRuns[0])}`);
  });
  const wanted = new Set(planned.map(({ scheduleId }) => scheduleId));
  for await (const schedule of client.schedule.list()) {
    const ours = schedule.memo?.["deployment"] === context.config.queuePrefix + deployment;
    if (ours && !wanted.has(schedule.scheduleId))
      findings.push(
        warn(`schedule ${schedule.scheduleId} is no longer in temporal.config.ts`, "npm run schedules removes it"),
      );
  }
  return findings;
}

async function examinePollers(context: CommandContext): Promise<Finding[]> {
  const queues = [
    { name: mainQueue, kinds: ["workflows", "activities"] as const },
    { name: ingestQueue, kinds: ["activities"] as const },
    ...vendors.map((vendor) => ({ name: vendorQueue(vendor.name), kinds: ["activities"] as const })),
  ];
  const findings: Finding[] = [];
  for (const { name, kinds } of queues) {
    const queue = context.config.queuePrefix + name;
    for (const kind of kinds) {
      const pollers = await countPollers(context, queue, kind);
      findings.push(
        pollers > 0
          ? ok(`queue ${queue}: ${count(pollers, "poller")} for ${kind}`)
          : fail(`queue ${queue}: no worker takes ${kind}`, "npm run worker (WORKER_QUEUES chooses the queues)"),
      );
    }
  }
  return findings;
}

async function examineApi(context: CommandContext): Promise<Finding[]> {
  const { host, port } = context.config.api;
  const address = `${host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host}:${port}`;
  const http = createHttp({
    baseUrl: `http://${address}`,
    erase: context.redact,
    redact: context.redact,
    anyAnswer: true,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
    limits: { totalTimeoutMs: 3_000, connectAttempts: 1, maxBytes: 65_536 },
  });
  try {
    await http.json({ path: "/healthz" });
    return [ok(`HTTP server at ${address} is healthy`)];
  } catch (error) {
    return [warn(`HTTP server at ${address}: ${messageOf(error)}`, "npm run api (API_HOST, API_PORT say where)")];
  }
}

function messageOf(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

await runCommand(command);
