/** A message as the broker has it. */
export interface StreamMessage {
  /** Of Kafka its offset, of Kinesis its sequence number. */
  position: string;
  /** Null where Kafka says that a key is gone. */
  value: Buffer | null;
  /** When the broker got it; null where it does not say. */
  at: Date | null;
}

/** Messages of one partition, as they came. */
export interface ReadMessages {
  messages: StreamMessage[];
  /** Where reading goes on after them. */
  next: string;
}
