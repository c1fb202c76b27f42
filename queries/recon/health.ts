import { prepared, type Queryable } from "../../schema/database.ts";
import { raiseAlert, settleAlerts } from "../ops/alerts.ts";

interface OfPlatform {
  client: string;
  platform: string;
}

export interface QuotaSeen {
  /** Of a hundred. */
  leftPct: number;
  resetsInMs: number | null;
}

/** Written only now and then: a hundred answers a second need not all be stored. */
const rewriteAfter = "interval '10 seconds'";

/** The platform answered, whatever it said of the post. */
export async function notePlatformWorks(
  database: Queryable,
  { client, platform }: OfPlatform,
  quota: QuotaSeen | null,
): Promise<void> {
  const { rows } = await database.query<{ recovered: boolean }>(
    prepared(
      `with before as (select failing_since is not null as failing from ops.platform_health where _client_id = $1 and platform = $2)
     insert into ops.platform_health as h (_client_id, platform, works_since, last_ok_at, quota_left_pct, quota_resets_at, quota_seen_at)
     select $1, $2, now(), now(), $3::numeric, now() + $4::float8 * interval '1 millisecond', case when $3::numeric is not null then now() end
      -- Looked at first: a conflict locks the row even where there is nothing to write, and all who ask would wait for each other.
      where not exists (select from ops.platform_health n where n._client_id = $1 and n.platform = $2 and n.failing_since is null
                           and n.last_ok_at >= now() - ${rewriteAfter})
     on conflict on constraint platform_health_key do update
        set works_since = case when h.failing_since is null then coalesce(h.works_since, now()) else now() end, failing_since = null,
            last_ok_at = now(), quota_left_pct = coalesce(excluded.quota_left_pct, h.quota_left_pct),
            quota_resets_at = case when excluded.quota_left_pct is null then h.quota_resets_at else excluded.quota_resets_at end,
            quota_seen_at = coalesce(excluded.quota_seen_at, h.quota_seen_at), updated_at = now()
      where h.failing_since is not null or h.last_ok_at is null or h.last_ok_at < now() - ${rewriteAfter}
     returning coalesce((select failing from before), false) as recovered`,
      [client, platform, quota?.leftPct ?? null, quota?.resetsInMs ?? null],
    ),
  );
  if (rows[0]?.recovered === true)
    await settleAlerts(database, {
      client,
      area: "recon",
      kinds: ["platform_failing"],
      subject: `platform/${platform}`,
      notes: "the platform answers again",
    });
}

/** It did not, with the client's own account: an affiliate's token that was taken back is no failure of the platform. */
export async function notePlatformFails(
  database: Queryable,
  { client, platform, kind, message }: OfPlatform & { kind: string; message: string },
): Promise<void> {
  await database.query(
    `insert into ops.platform_health as h (_client_id, platform, failing_since, last_error_at, last_error_kind, last_error)
     values ($1, $2, now(), now(), $3, left($4, 500))
     on conflict on constraint platform_health_key do update
        set failing_since = coalesce(h.failing_since, now()), works_since = null, last_error_at = now(),
            last_error_kind = excluded.last_error_kind, last_error = excluded.last_error, updated_at = now()`,
    [client, platform, kind, message],
  );
}

/** Opens an alert for each platform that has failed for longer than this; seen again, it counts up. */
export async function watchPlatforms(
  database: Queryable,
  { failingForMs }: { failingForMs: number },
): Promise<string[]> {
  const { rows } = await database.query<OfPlatform & { since: Date; kind: string | null; error: string | null }>(
    `select _client_id as client, platform, failing_since as since, last_error_kind as kind, last_error as error from ops.platform_health
      where failing_since < now() - $1 * interval '1 millisecond' order by _client_id, platform`,
    [failingForMs],
  );
  for (const { client, platform, since, kind, error } of rows)
    await raiseAlert(database, {
      client,
      area: "recon",
      kind: "platform_failing",
      subject: `platform/${platform}`,
      severity: kind === "unauthorized" ? "critical" : "warning",
      message: `${platform} has failed since ${since.toISOString()} (${kind ?? "unknown"}): ${error ?? ""}. Reports about it wait.`,
      details: { since, kind },
    });
  return rows.map(({ client, platform }) => `${platform}/${client}`);
}
