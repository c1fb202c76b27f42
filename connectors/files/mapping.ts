/** What a staged line says. */
export type FileField =
  "creative_id" | "date" | "hour" | "geography" | "device_type" | "placement" | "impressions" | "clicks" | "spend";

/** What the headers of a sender's files mean, and how the sender writes days and numbers. */
export interface FileMapping {
  name: string;
  /** For people: whose files these are. */
  title: string;
  /** A hash of what the mapping says: a changed mapping is another version without anybody having to think of it. */
  version: string;
  /** "sum": lines of one key within a file are added; "later": the last one wins. */
  combine: "later" | "sum";
}
