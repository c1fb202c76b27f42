import type { KeyRing } from "../../core/crypto.ts";
import { openIdentity, sealIdentity, type Identity } from "../../rules/conversions/identity.ts";
import type { Queryable } from "../../schema/database.ts";

/** A conversion and the order it stands for: what is known of a person serves the order, whichever feed it goes out by. */
export interface ConversionOrder {
  conversionKey: string;
  orderKey: string | null;
}

export interface KnownPerson extends ConversionOrder {
  identity: Identity;
}

/** Keeps the personal data that deliveries need, sealed; nothing for conversions that were sent already or have no person. */
export async function keepIdentities(
  database: Queryable,
  key: KeyRing,
  client: string,
  persons: readonly KnownPerson[],
): Promise<void> {
  // One row per conversion, also when a list names one twice: the later saying holds.
  const known = [
    ...new Map(
      persons
        .filter(({ identity }) => Object.keys(identity).length > 0)
        .map((person) => [person.conversionKey, person]),
    ).values(),
  ];
  if (known.length === 0) return;
  await database.query(
    `insert into ops.delivery_identity (_client_id, conversion_key, order_key, sealed, expires_at)
     select $1, p.key, p.order_key, p.sealed, now() + interval '7 days'
       from unnest($2::text[], $3::text[], $4::bytea[]) p(key, order_key, sealed)
      where not exists (select from ops.deliveries d where d._client_id = $1 and d.destination = 'meta' and d.conversion_key = p.key and d.state in ('delivered', 'expired'))
        and not exists (select from ops.deliveries d where d._client_id = $1 and d.destination = 'meta' and d.order_key = p.order_key and d.state in ('delivered', 'expired'))
      order by p.key
     on conflict (_client_id, conversion_key) do update set sealed = excluded.sealed`,
    [
      client,
      known.map(({ conversionKey }) => conversionKey),
      known.map(({ orderKey }) => orderKey),
      known.map(({ conversionKey, identity }) => sealIdentity(key, { client, conversionKey }, identity)),
    ],
  );
}

/** What is known, by the conversions asked for: of a conversion itself, else of its order. */
export async function readIdentities(
  database: Queryable,
  key: KeyRing | null,
  client: string,
  conversions: readonly ConversionOrder[],
): Promise<Map<string, Identity>> {
  if (key === null) return new Map();
  const { rows } = await database.query<ConversionOrder & { sealed: Buffer }>(
    `select conversion_key as "conversionKey", order_key as "orderKey", sealed from ops.delivery_identity
      where _client_id = $1 and expires_at > now() and (conversion_key = any($2) or order_key = any($3))`,
    [
      client,
      conversions.map(({ conversionKey }) => conversionKey),
      conversions.flatMap(({ orderKey }) => (orderKey === null ? [] : [orderKey])),
    ],
  );
  const byKey = new Map<string, Identity>();
  const byOrder = new Map<string, Identity>();
  for (const { conversionKey, orderKey, sealed } of rows) {
    const identity = openIdentity(key, { client, conversionKey }, sealed);
    if (identity === null) continue;
    byKey.set(conversionKey, identity);
    if (orderKey !== null) byOrder.set(orderKey, identity);
  }
  const found = new Map<string, Identity>();
  for (const { conversionKey, orderKey } of conversions) {
    const identity = byKey.get(conversionKey) ?? (orderKey === null ? undefined : byOrder.get(orderKey));
    if (identity !== undefined) found.set(conversionKey, identity);
  }
  return found;
}

/** After delivery the personal data is no longer needed. */
export async function deleteIdentities(
  database: Queryable,
  client: string,
  conversionKeys: readonly string[],
): Promise<void> {
  if (conversionKeys.length === 0) return;
  await database.query(
    `delete from ops.delivery_identity i
      where i._client_id = $1
        and (i.conversion_key = any($2)
             or i.order_key in (select d.order_key from ops.deliveries d where d._client_id = $1 and d.destination = 'meta' and d.conversion_key = any($2)))`,
    [client, conversionKeys],
  );
}

export async function deleteExpiredIdentities(database: Queryable): Promise<number> {
  return (await database.query("delete from ops.delivery_identity where expires_at <= now()")).rowCount ?? 0;
}
