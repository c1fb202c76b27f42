import type { Queryable } from "../../schema/database.ts";
import { agentDays } from "./retention.ts";

/** A click, with what was kept of its visitor's browser. */
export interface SealedAgent {
  variationId: number;
  clickedAt: Date;
  device: string;
  bot: string | null;
  /** Null where none was sent, or its days are over, whether it was deleted yet or not. */
  sealed: Buffer | null;
}

/** Null where the client has no such click. */
export async function readSealedAgent(
  database: Queryable,
  { client, eventId }: { client: string; eventId: string },
): Promise<SealedAgent | null> {
  const { rows } = await database.query<SealedAgent>(
    `select variation_id as "variationId", clicked_at as "clickedAt", device, bot,
            case when clicked_at >= now() - $3 * interval '1 day' then user_agent_sealed end as sealed
       from promo.promo_click_tracking where _client_id = $1 and event_id = $2`,
    [client, eventId, agentDays],
  );
  return rows[0] ?? null;
}
