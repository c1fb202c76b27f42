import { randomUUID } from "node:crypto";
import type { Click, Impression } from "../rules/promo/events.ts";
import { recordClicks, recordImpressions } from "../queries/promo/record.ts";
import type { Database } from "../schema/database.ts";

/** For tests only: events counted as the API counts them, at moments of one's choosing. */
export function promoEvents(database: Database, zones: Record<string, string>) {
  const counting = { zones, repeatWindowMs: 10_000 };
  return {
    show: async (
      offerId: number,
      variationId: number,
      at: Date,
      of: { recipients?: number; sendId?: string } = {},
    ): Promise<void> => {
      const impression: Impression = {
        event_id: randomUUID(),
        offer_id: offerId,
        variation_id: variationId,
        send_id: of.sendId ?? null,
        recipients: of.recipients ?? null,
        at: at.toISOString(),
      };
      const [outcome] = await recordImpressions(database, [impression], counting);
      if (outcome !== "counted") throw new Error(`an impression was not counted: ${outcome}`);
    },
    click: async (variationId: number, at: Date, of: Partial<Click> = {}, times = 1): Promise<void> => {
      const clicks = Array.from({ length: times }, (): Click => ({
        event_id: randomUUID(),
        variation_id: variationId,
        at: at.toISOString(),
        via: "api",
        click_id: null,
        referrer: null,
        device: "desktop",
        bot: null,
        is_bot: false,
        ip_hash: null,
        body_hash: null,
        agent: null,
        ...of,
      }));
      const outcomes = await recordClicks(database, clicks, counting);
      if (outcomes.some((outcome) => outcome !== "counted"))
        throw new Error(`clicks were not counted: ${outcomes.join()}`);
    },
  };
}
