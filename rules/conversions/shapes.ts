/** What one event says of a conversion, whoever brought it. Nothing in it is a person's. */
export interface ConversionEvent {
  conversionKey: string;
  orderId: string | null;
  vendorId: string | null;
  assetId: string | null;
  eventName: string | null;
  /** SALE, LEAD, SIGNUP or CUSTOM; a name we do not know is kept as it came. */
  type: string;
  clickId: string | null;
  /** Decimal text; null when the event named no amount. */
  revenue: string | null;
  currency: string | null;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
  eventTime: Date;
  /** Of two events of one conversion, the later version holds. */
  version: Date;
  subIds: Record<string, string> | null;
  /** Names of fields we did not know; never their values. */
  unknownFields: string[] | null;
  touchpoints: Touchpoint[] | null;
  /** When the click happened, where the event says so. */
  clickTime: Date | null;
  /** Stands for the visitor; only for whoever has a key to make it with. */
  visitor: string | null;
}

export interface Touchpoint {
  type: string;
  at: Date;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
  clickId: string | null;
}

export interface ClickEvent {
  clickId: string;
  at: Date;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
  visitor: string | null;
}

export type ReadEvent =
  | { kind: "conversion"; conversion: ConversionEvent }
  | { kind: "click"; click: ClickEvent }
  /** A visit: neither a click nor a conversion. */
  | { kind: "visit" }
  | { kind: "problem"; field: string; message: string };

/** Fields about a person that a delivery may need: as they came, for `ops.delivery_identity` and nowhere else. */
export interface ConversionIdentity {
  conversionKey: string;
  orderId: string | null;
  eventTime: Date;
  fields: Record<string, string>;
}
