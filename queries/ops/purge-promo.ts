import { inTransaction, type Database } from "../../schema/database.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

const source = "promo";

/** What hangs on an offer, in the order in which it can go; each names its offer. */
const parts = [
  "promo.promo_impression_tracking",
  "promo.promo_impression_repeats",
  "promo.promo_click_tracking",
  "promo.promo_performance_metrics",
  "promo.promo_click_days",
  "promo.promo_conversion_clicks",
  "promo.promo_quarantine",
  "promo.promo_text_variations",
] as const;

/** One whose click a vendor's conversion names is needed by that, and stays. */
const madeUp = (offer: string) => `${offer}.origin = 'sandbox'
        and not exists (select from promo.clicked_conversions c where c._client_id = ${offer}._client_id and c.offer_id = ${offer}.id and c.origin <> 'sandbox')`;

/** Made-up offers with their texts and all that was counted of them, one offer at a time. */
export async function purgePromo(database: Database, client: string, { by, onStep }: PurgeStep): Promise<PurgeCount[]> {
  const all: PurgeCount[] = [];
  for (;;) {
    const counts = await inTransaction(database, async (session) => {
      // Counting locks the offer first, too: an event is counted whole before, or finds no offer.
      const { rows } = await session.query<{ id: number }>(
        `select o.id from promo.promo_offers o where o._client_id = $1 and ${madeUp("o")} order by o.id limit 1 for update of o`,
        [client],
      );
      const id = rows[0]?.id;
      if (id === undefined) return [];
      const deleted: PurgeCount[] = [];
      const ofParts = parts.map((table) => ({ table, column: "offer_id" }));
      for (const { table, column } of [...ofParts, { table: "promo.promo_offers", column: "id" }]) {
        const { rowCount } = (await session.query(`delete from ${table} where _client_id = $1 and ${column} = $2`, [
          client,
          id,
        ])) as { rowCount: number };
        deleted.push({ client, source, table, rows: rowCount, sum: null });
      }
      await session.query(
        `update ops.alerts set resolved_at = now(), resolved_by = 'pipeline', notes = 'the sandbox data it is about were deleted'
          where _client_id = $1 and area = 'promo' and subject = $2 and resolved_at is null`,
        [client, `offer ${id}`],
      );
      const counted = deleted.filter(({ rows: gone }) => gone > 0);
      await recordPurge(session, { client, source, by, counts: counted });
      return counted;
    });
    if (counts.length === 0) return all;
    all.push(...counts);
    onStep?.(all);
  }
}

/** The same, counted only: a part of the statement that counts every purge. */
export const countedPromo = [
  `select 'promo', 'promo.promo_offers', count(*)::int, null from promo.promo_offers o where o._client_id = $1 and ${madeUp("o")}`,
  ...parts.map(
    (part) => `select 'promo', '${part}', count(*)::int, null from ${part} p
        where p._client_id = $1 and exists (select from promo.promo_offers o where o._client_id = p._client_id and o.id = p.offer_id and ${madeUp("o")})`,
  ),
].join("\n        union all\n       ");
