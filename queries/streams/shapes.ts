/** A topic of a client. */
export interface OfStream {
  client: string;
  stream: string;
}

export interface OfPartition extends OfStream {
  partition: string;
}
