import type { KeyRing } from "../../core/crypto.ts";
import { openIdentity, sealIdentity, type Identity } from "../../rules/conversions/identity.ts";
import type { Queryable } from "../../schema/database.ts";

/** A conversion and the order it stands for: what is known of a person serves the order, whichever feed it goes out by. */
export interface ConversionOrder {
  conversionKey: string;
  orderKey: string | null;
}

/** Whose personal data, and every destination it is sent to: it is kept until the last of them has it. */
export interface PersonsOfClient {
  client: string;
  sentTo: readonly string[];
}

export interface KnownPerson extends ConversionOrder {
  identity: Identity;
}

/** One of these destinations was sent neither the conversion nor another of its order. */
const isAwaited = (conversionKey: string, orderKey: string, destinations: string) => {
  const sent = (which: string) =>
    `select from ops.deliveries t where t._client_id = $1 and t.destination = w.destination and t.${which} and t.state in ('delivered', 'expired')`;
  return `exists (select from unnest(${destinations}::text[]) w(destination)
          where not exists (${sent(`conversion_key = ${conversionKey}`)}) and not exists (${sent(`order_key = ${orderKey}`)}))`;
};

/** Keeps the personal data that deliveries need, sealed; nothing for conversions that were sent already or have no person. */
export async function keepIdentities(
  database: Queryable,
  key: KeyRing,
  { client, sentTo }: PersonsOfClient,
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
      where ${isAwaited("p.key", "p.order_key", "$5")}
      order by p.key
     on conflict (_client_id, conversion_key) do update set sealed = excluded.sealed`,
    [
      client,
      known.map(({ conversionKey }) => conversionKey),
      known.map(({ orderKey }) => orderKey),
      known.map(({ conversionKey, identity }) => sealIdentity(key, { client, conversionKey }, identity)),
      sentTo,
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

/** After delivery to every destination the personal data is no longer needed. */
export async function deleteIdentities(
  database: Queryable,
  { client, sentTo }: PersonsOfClient,
  conversionKeys: readonly string[],
): Promise<void> {
  if (conversionKeys.length === 0) return;
  await database.query(
    `delete from ops.delivery_identity i
      where i._client_id = $1
        and (i.conversion_key = any($2)
             or i.order_key in (select d.order_key from ops.deliveries d where d._client_id = $1 and d.destination = any($3) and d.conversion_key = any($2)))
        and not ${isAwaited("i.conversion_key", "i.order_key", "$3")}`,
    [client, conversionKeys, sentTo],
  );
}

export async function deleteExpiredIdentities(database: Queryable): Promise<number> {
  return (await database.query("delete from ops.delivery_identity where expires_at <= now()")).rowCount ?? 0;
}
