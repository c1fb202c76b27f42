import type { RedeliveryCounts } from "../../queries/conversions/redelivery.ts";

/** What a person types to send what is new. Everything that is configured when left out. */
export interface DeliverInput {
  client?: string | undefined;
  destination?: string | undefined;
}

/** What a person types to send a range of days again: what was refused, held or never sent. */
export interface RedeliverInput {
  destination: string;
  from: string;
  to: string;
  client?: string;
  /** Only report what would be sent. */
  dryRun?: boolean;
  /** Also what was delivered, as long as the destination still recognises a repeat. */
  includeDelivered?: boolean;
}

export interface DeliveryTarget {
  client: string;
  destination: string;
  waiting: number;
  /** Became too old without being sent. */
  expired?: number;
  heldUntil: string | null;
}

export interface SendBatchInput {
  client: string;
  destination: string;
  /** Names the batch; the same claim processes the same conversions. */
  claim: string;
}

export interface BatchResult {
  taken: number;
  delivered: number;
  failed: number;
  expired: number;
  /** The first of those that were refused. */
  refused: string[];
  /** The destination takes nothing more until then. */
  heldUntil: string | null;
  /** There may be more to send. */
  more: boolean;
}

export interface RedeliveryPlan {
  client: string;
  destination: string;
  counts: RedeliveryCounts[];
}
