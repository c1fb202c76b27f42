import type { Queryable } from "../../schema/database.ts";

export interface PlatformHealthRow {
  worksSince: Date | null;
  failingSince: Date | null;
  lastOkAt: Date | null;
  lastErrorAt: Date | null;
  lastErrorKind: string | null;
  lastError: string | null;
  quotaLeftPct: string | null;
  quotaResetsAt: Date | null;
  quotaSeenAt: Date | null;
}

/** As activities saw it last; null before the first request to the platform. */
export async function readPlatformHealth(
  database: Queryable,
  { client, platform }: { client: string; platform: string },
): Promise<PlatformHealthRow | null> {
  const { rows } = await database.query<PlatformHealthRow>(
    `select works_since as "worksSince", failing_since as "failingSince", last_ok_at as "lastOkAt", last_error_at as "lastErrorAt",
            last_error_kind as "lastErrorKind", last_error as "lastError", quota_left_pct as "quotaLeftPct",
            quota_resets_at as "quotaResetsAt", quota_seen_at as "quotaSeenAt"
       from ops.platform_health where _client_id = $1 and platform = $2`,
    [client, platform],
  );
  return rows[0] ?? null;
}

export interface PlatformConfigRow {
  mode: string;
  hasCredentials: boolean;
  updatedAt: Date;
  updatedBy: string;
}

const configColumns = `mode, sealed is not null as "hasCredentials", updated_at as "updatedAt", updated_by as "updatedBy"`;

/** Null where the settings decide. Sealed values are not read here: no endpoint shows them. */
export async function readPlatformConfig(
  database: Queryable,
  { client, platform }: { client: string; platform: string },
): Promise<PlatformConfigRow | null> {
  const { rows } = await database.query<PlatformConfigRow>(
    `select ${configColumns} from recon.platform_config where _client_id = $1 and platform = $2`,
    [client, platform],
  );
  return rows[0] ?? null;
}

export interface NewPlatformConfig {
  client: string;
  platform: string;
  mode: "real" | "sandbox";
  /** Null keeps what there is. */
  sealed: Buffer | null;
  updatedBy: string;
}

export async function writePlatformConfig(
  database: Queryable,
  { client, platform, mode, sealed, updatedBy }: NewPlatformConfig,
): Promise<PlatformConfigRow> {
  const { rows } = await database.query<PlatformConfigRow>(
    `insert into recon.platform_config as c (_client_id, platform, mode, sealed, updated_by) values ($1, $2, $3, $4, $5)
     on conflict on constraint platform_config_key do update
        set mode = excluded.mode, sealed = coalesce(excluded.sealed, c.sealed), updated_by = excluded.updated_by, updated_at = now()
     returning ${configColumns}`,
    [client, platform, mode, sealed, updatedBy],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a platform's configuration was not written");
  return row;
}

/** The settings decide again; false when they did before. */
export async function deletePlatformConfig(
  database: Queryable,
  { client, platform }: { client: string; platform: string },
): Promise<boolean> {
  const { rowCount } = await database.query(
    "delete from recon.platform_config where _client_id = $1 and platform = $2",
    [client, platform],
  );
  return rowCount === 1;
}

/** Whether a post is one that may be asked for: the client's, and on this platform. */
export async function findPost(
  database: Queryable,
  { client, postId, platform }: { client: string; postId: string; platform: string },
): Promise<{ url: string } | null> {
  const { rows } = await database.query<{ url: string }>(
    "select url from recon.posts where _client_id = $1 and post_id = $2 and platform = $3",
    [client, postId, platform],
  );
  return rows[0] ?? null;
}
