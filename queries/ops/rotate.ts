import { reseal, type KeyRing, type Resealed } from "../../core/crypto.ts";
import { sealedLike, type Seal } from "../../core/seal.ts";
import { identityContext } from "../../rules/conversions/identity.ts";
import { agentContext } from "../../rules/promo/events.ts";
import { credentialsContext } from "../../rules/recon/platform-credentials.ts";
import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { channelContext } from "../../rules/ops/channel.ts";
import { tokenContext } from "../recon/discord.ts";
import { evidenceContext } from "../recon/evidence.ts";
import { emailContext } from "../recon/keys.ts";
import { recordAudit, type Actor } from "./audit.ts";

/** A row as its key and its sealed bytes: what the seal is bound to follows from the rest. */
interface SealedRow {
  client: string;
  /** The rest of its key, as text. */
  key: string[];
  /** What the context needs beyond the key. */
  bound: string;
  sealed: Buffer | string;
}

interface SealedColumn {
  name: `${string}.${string}.${string}`;
  key: [column: string, type: "text" | "bigint"][];
  bound?: string;
  /** Which rows, where others hold something else in the column. */
  only?: string;
  reseal: (keys: RotationKeys, row: SealedRow) => Resealed<Buffer | string>;
}

export interface RotationKeys {
  credentialsKey: KeyRing | null;
  identityKey: KeyRing | null;
  quarantine: Seal;
}

/** Bytes under one of the keys, bound to what `context` makes of the row. */
const under =
  (name: "credentialsKey" | "identityKey", context: (row: SealedRow) => string): SealedColumn["reseal"] =>
  ({ [name]: ring }, row) =>
    ring === null || typeof row.sealed === "string" ? { state: "unreadable" } : reseal(ring, row.sealed, context(row));

const ofAffiliate = ({ client, key: [affiliateId = "", platform = ""] }: SealedRow) =>
  credentialsContext({ client, platform, affiliateId });
const affiliateTokenKey: SealedColumn["key"] = [
  ["affiliate_id", "bigint"],
  ["platform", "text"],
];

/**
 * Everything that Postgres keeps sealed. A test compares the list with the tables. Not the secrets by which addresses are
 * hashed: each lives for a month, and where no key opens it, another takes its place.
 */
export const sealedColumns: readonly SealedColumn[] = [
  {
    name: "recon.platform_config.sealed",
    key: [["platform", "text"]],
    reseal: under("credentialsKey", ({ client, key: [platform = ""] }) =>
      credentialsContext({ client, platform, affiliateId: null }),
    ),
  },
  { name: "recon.affiliate_tokens.sealed", key: affiliateTokenKey, reseal: under("credentialsKey", ofAffiliate) },
  {
    name: "recon.affiliate_tokens.offered_sealed",
    key: affiliateTokenKey,
    reseal: under("credentialsKey", ofAffiliate),
  },
  {
    name: "recon.affiliates.email_sealed",
    key: [["affiliate_id", "bigint"]],
    reseal: under("credentialsKey", ({ client }) => emailContext(client)),
  },
  {
    name: "recon.discord_interactions.sealed",
    key: [["report_id", "bigint"]],
    bound: "application_id",
    reseal: under("credentialsKey", ({ client, bound }) => tokenContext({ client, applicationId: bound })),
  },
  {
    name: "recon.report_evidence.sealed",
    key: [["report_id", "bigint"]],
    reseal: under("credentialsKey", ({ client, key: [reportId = ""] }) => evidenceContext({ client, reportId })),
  },
  {
    name: "ops.channels.sealed",
    key: [["channel_id", "bigint"]],
    reseal: under("credentialsKey", ({ client }) => channelContext(client)),
  },
  {
    name: "ops.delivery_identity.sealed",
    key: [["conversion_key", "text"]],
    reseal: under("identityKey", ({ client, key: [conversionKey = ""] }) => identityContext({ client, conversionKey })),
  },
  {
    name: "promo.promo_click_tracking.user_agent_sealed",
    key: [["event_id", "text"]],
    reseal: under("identityKey", ({ key: [eventId = ""] }) => agentContext(eventId)),
  },
  {
    name: "ops.quarantine.content",
    key: [["quarantine_id", "bigint"]],
    only: `content like '${sealedLike}'`,
    reseal: ({ quarantine }, { sealed }) => quarantine.reseal(String(sealed)),
  },
  {
    name: "ops.quarantine.corrected_sealed",
    key: [["quarantine_id", "bigint"]],
    reseal: ({ quarantine }, { sealed }) => quarantine.reseal(String(sealed)),
  },
  {
    name: "ops.file_headers.header",
    key: [["file_id", "bigint"]],
    only: `header like '${sealedLike}'`,
    reseal: ({ quarantine }, { sealed }) => quarantine.reseal(String(sealed)),
  },
  {
    name: "ops.file_headers.mapping_content",
    key: [["file_id", "bigint"]],
    only: "jsonb_typeof(mapping_content) = 'string'",
    reseal: ({ quarantine }, { sealed }) => {
      const fresh = quarantine.reseal(String(sealed));
      return fresh.state === "resealed" ? { ...fresh, sealed: JSON.stringify(fresh.sealed) } : fresh;
    },
  },
];

export interface RotatedColumn {
  column: string;
  /** Under the current key already. */
  current: number;
  /** Re-sealed, or to be re-sealed where this is a dry run. */
  resealed: number;
  /** The rows that neither key opens, by their keys. */
  unreadable: string[];
}

interface Rotation {
  keys: RotationKeys;
  by: Actor;
  dryRun: boolean;
  /** Rows to a transaction: what writes to them waits for no more than these. */
  atOnce?: number;
}

/**
 * Seals one column's values with the current key. It begins at the first row each time and leaves alone what is under the
 * current key, so that it can be stopped anywhere and started again.
 */
export async function rotateColumn(
  database: Database,
  column: SealedColumn,
  rotation: Rotation,
): Promise<RotatedColumn> {
  const { atOnce = 200, dryRun } = rotation;
  const total: RotatedColumn = { column: column.name, current: 0, resealed: 0, unreadable: [] };
  let after: SealedRow | null = null;
  for (;;) {
    const from: SealedRow | null = after;
    const rows: SealedRow[] = await inTransaction(database, async (session) => {
      const part = await readRows(session, column, { after: from, atOnce, lock: !dryRun });
      await rotateRows(session, column, { ...rotation, rows: part, total });
      return part;
    });
    if (rows.length < atOnce) return total;
    after = rows.at(-1) ?? null;
  }
}

async function rotateRows(
  session: Queryable,
  column: SealedColumn,
  { keys, by, dryRun, rows, total }: Rotation & { rows: readonly SealedRow[]; total: RotatedColumn },
): Promise<void> {
  const before = total.resealed;
  for (const row of rows) {
    const fresh = column.reseal(keys, row);
    if (fresh.state === "unreadable") total.unreadable.push([row.client, ...row.key].join("/"));
    else total[fresh.state] += 1;
    if (fresh.state === "resealed" && !dryRun) await writeSealed(session, column, { ...row, sealed: fresh.sealed });
  }
  const resealed = total.resealed - before;
  if (resealed > 0 && !dryRun)
    await recordAudit(session, {
      ...by,
      client: null,
      action: "keys_rotated",
      subject: column.name,
      details: { resealed },
    });
}

async function readRows(
  database: Queryable,
  { name, key, bound, only }: SealedColumn,
  { after, atOnce, lock }: { after: SealedRow | null; atOnce: number; lock: boolean },
): Promise<SealedRow[]> {
  const [table, column] = splitName(name);
  const columns = ["_client_id", ...key.map(([of]) => of)].join(", ");
  const from = ["$1::text", ...key.map(([, type], index) => `$${index + 3}::${type}`)].join(", ");
  const { rows } = await database.query<SealedRow>(
    `select _client_id as client, array[${key.map(([of]) => `${of}::text`).join(", ")}] as key,
            ${bound ?? "''"} as bound, ${column} as sealed
       from ${table}
      where ${column} is not null and ${only ?? "true"} and ($1::text is null or (${columns}) > (${from}))
      order by ${columns} limit $2 ${lock ? "for update" : ""}`,
    [after?.client ?? null, atOnce, ...key.map((_of, index) => after?.key[index] ?? null)],
  );
  return rows;
}

async function writeSealed(session: Queryable, { name, key }: SealedColumn, row: SealedRow): Promise<void> {
  const [table, column] = splitName(name);
  const where = key.map(([of, type], index) => `${of} = $${index + 3}::${type}`).join(" and ");
  await session.query(`update ${table} set ${column} = $2 where _client_id = $1 and ${where}`, [
    row.client,
    row.sealed,
    ...row.key,
  ]);
}

function splitName(name: SealedColumn["name"]): [table: string, column: string] {
  const at = name.lastIndexOf(".");
  return [name.slice(0, at), name.slice(at + 1)];
}
