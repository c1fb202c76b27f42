import type { Queryable } from "../../schema/database.ts";

export interface RevokedToken {
  client: string;
  /** Its jti, or what `tokenHash` makes of the token. */
  tokenId: string;
  /** Null when it is not known: refused for ever. */
  expiresAt: Date | null;
  by: string;
}

/** False when it was revoked before. */
export async function revokeToken(database: Queryable, token: RevokedToken): Promise<boolean> {
  const { rowCount } = await database.query(
    `insert into ops.revoked_tokens (token_id, _client_id, expires_at, revoked_by) values ($1, $2, $3, $4)
     on conflict (token_id) do nothing`,
    [token.tokenId, token.client, token.expiresAt, token.by],
  );
  return rowCount === 1;
}

/** All that have not ended by themselves: few, so they are kept in memory. */
export async function readRevokedTokens(database: Queryable): Promise<Set<string>> {
  const { rows } = await database.query<{ tokenId: string }>(
    `select token_id as "tokenId" from ops.revoked_tokens where expires_at is null or expires_at > now()`,
  );
  return new Set(rows.map(({ tokenId }) => tokenId));
}
