/** A conversion on its way out. */
export interface Outgoing {
  /** `everflow:<conversion id>`: the same for ever, so that a vendor can recognise a repeat. */
  conversionKey: string;
  eventId: string;
  eventName: string;
  eventTime: Date;
  /** Decimal text. */
  value: string | null;
  currency: string | null;
  orderId: string | null;
  /** The click it came from; stands for the person where nothing else does. */
  clickId: string | null;
  /** SALE, LEAD, SIGNUP or CUSTOM. */
  type: string;
  /** Whether it still is what it was: taken back whole by chargebacks, or no longer approved by its feed. */
  standing: "stands" | "charged_back" | "withdrawn";
  /** The sum of its chargebacks, decimal text, negative; "0" without one. */
  chargedBack: string;
}
