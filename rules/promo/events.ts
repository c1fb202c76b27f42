/** A variation that a newsletter showed, as it is stored and spooled. */
export interface Impression {
  event_id: string;
  offer_id: number;
  variation_id: number;
  send_id: string | null;
  /** Null where the report does not say: it counts as one, and corrects nothing. */
  recipients: number | null;
  /** When it was received, as ISO text. */
  at: string;
}

/** A click, as it is stored and spooled: what stands for a person is hashed or sealed. */
export interface Click {
  event_id: string;
  variation_id: number;
  at: string;
  via: "api" | "redirect";
  /** What the destination is given. */
  click_id: string | null;
  referrer: string | null;
  device: string;
  bot: string | null;
  is_bot: boolean;
  ip_hash: string | null;
  /** Null where the event id is ours: nobody can send it again. */
  body_hash: string | null;
  /** The browser's words, sealed, as base64. */
  agent: string | null;
}

export type Kind = "impression" | "click";
export type Event = ({ kind: "impression" } & Impression) | ({ kind: "click" } & Click);

/** What became of an event. Of all but the first three nothing is counted, and sending it again would not help. */
export type Outcome =
  "counted" | "duplicate" | "repeat" | "unknown_variation" | "unknown_offer" | "wrong_offer" | "conflict";

/** What a sealed agent is bound to. */
export const agentContext = (eventId: string): string => `promo click ${eventId}`;
