import type { ConversionIdentity } from "../../rules/conversions/shapes.ts";
import type { Config } from "../../settings/config.ts";
import { identityOf } from "../../rules/conversions/identity.ts";
import { personsGoTo } from "../../rules/conversions/person-destinations.ts";
import { keepIdentities } from "../../queries/conversions/delivery-identities.ts";
import type { Queryable } from "../../schema/database.ts";

/**
 * Keeps what is a person's of an event, for deliveries that need it: encrypted, in `ops.delivery_identity`. Called before
 * the event is stored, so that no conversion is there without it; a repeat calls it again with the same keys.
 */
export type KeepIdentities = (
  database: Queryable,
  of: { client: string; identities: readonly ConversionIdentity[] },
) => Promise<void>;

/** Sealed, hashed as Meta wants it, and only for clients that deliver to a destination that is sent it; else it is dropped. */
export function createIdentityKeeper({
  identityKey,
  accounts,
}: Pick<Config, "identityKey" | "accounts">): KeepIdentities {
  return async (database, { client, identities }) => {
    const sentTo = personsGoTo(accounts, client);
    if (identityKey === null || sentTo.length === 0) return;
    const persons = identities.map(({ conversionKey, orderId, fields }) => ({
      conversionKey: `anytrack:${conversionKey}`,
      orderKey: orderId,
      // AnyTrack's own id of the visitor is a stable one where the shop names none.
      identity: identityOf({ ...fields, externalId: fields["externalId"] ?? fields["clientId"] }),
    }));
    await keepIdentities(database, identityKey, { client, sentTo }, persons);
  };
}
