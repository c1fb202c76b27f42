import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { settingName } from "../../core/setting-name.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { vendors } from "../../connectors/registry.ts";
import { probeS3 } from "../../connectors/files/s3-place.ts";
import type { CommandContext } from "../shared/command-line.ts";
import { fail, type Finding, messageOf, ok, probeTimeoutMs, warn } from "./findings.ts";

/** Which settings are set. Never their values. */
export function describeSettings({ env, config }: CommandContext): Finding[] {
  const general =
    /^(NODE_ENV|DATABASE_.+|CLIENTS|TASK_QUEUE_PREFIX|WORKER_.+|VENDOR_SLOTS|UNAVAILABLE_ATTEMPTS|API_.+|SEARCH_ATTRIBUTES|(PAYLOAD|IDENTITY|CREDENTIALS)_ENCRYPTION_KEY(_PREVIOUS)?|CREDENTIALS_HASHING_KEY|DELIVERY_.+|ALERT_WEBHOOK_URL|SMTP_URL|MAIL_FROM|CHANNEL_HOSTS|DIGEST_HOUR.*|LOG_LEVEL|RETENTION_.+|TEMPORAL_.+|IMPORT_DIR|INGEST_.+|RTB_.+|S3_.+)$/;
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

/** Where files are imported from: the folder, and S3 for each client that has one. */
export async function examineImport({ config }: CommandContext): Promise<Finding[]> {
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
