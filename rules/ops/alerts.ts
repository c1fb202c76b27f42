/** An alert as whoever noticed something raises it. */
export interface RaisedAlert {
  client: string;
  /** Which area raised it: sync, ingest, recon, ... */
  area: string;
  kind: string;
  subject: string;
  severity: "info" | "warning" | "critical";
  message: string;
  details?: Record<string, unknown>;
  /** There is more than the message says. */
  isNews?: boolean;
}
