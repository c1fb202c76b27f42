import { maskContacts, maskFileName, maskName, maskPath, maskPersonal } from "../../core/personal.ts";
import { isSealed } from "../../core/seal.ts";
import { keptNames, keptSubIds } from "../../rules/conversions/anytrack-event.ts";
import { impersonal } from "../../rules/conversions/event-fields.ts";
import { keptBotName } from "../../rules/promo/agent.ts";
import { keptReferrer } from "../../rules/promo/referrer.ts";
import { withoutPersons } from "../../rules/recon/personal.ts";
import { performanceSource } from "../files/files.ts";

export type StoredRow = Record<string, unknown>;

/** A table whose texts come from outside and are cleaned before they are stored; rows of earlier versions may not be. */
export interface StoredTexts {
  table: `${string}.${string}`;
  /** Its primary key, in the key's order. */
  key: readonly (readonly [column: string, type: "text" | "bigint" | "integer"])[];
  /** What is read of a row: its texts, and what decides over them. */
  columns: readonly string[];
  /** The texts as they would be stored today, by the rules that clean them on their way in. */
  kept: (row: StoredRow) => StoredRow;
  /** What is set besides where a row changes: `t` is the row, `s` holds what is written. */
  besides?: string;
  /** A trigger refuses every change: only the table's owner can pass it. */
  onlyGrows?: true;
}

/** To be raised when one of the rules here knows more than before: then all rows are read again. */
export const editionOfRules = 1;

/** A text under a rule; what is none stays. */
const text = (value: unknown, rule: (text: string) => string | null) =>
  typeof value === "string" ? rule(value) : value;
const each = (row: StoredRow, columns: readonly string[], rule: (text: string) => string | null): StoredRow =>
  Object.fromEntries(columns.map((column) => [column, text(row[column], rule)]));

/** The texts within a JSON object, one level deep: more than that none of these has. */
function within(value: unknown, rule: (text: string) => string | null): unknown {
  return isObject(value) ? each(value, Object.keys(value), rule) : value;
}

const isObject = (value: unknown): value is StoredRow =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An alert about a file names it. What people note when they close one is free text; the pipeline's own notes are not. */
function keptAlert({ area, subject, message, details, notes, resolved_by: by }: StoredRow): StoredRow {
  const said = by === "pipeline" ? notes : text(notes, withoutPersons);
  if (area !== "ingest") return { notes: said };
  return {
    subject: text(subject, maskPath),
    message: text(message, maskContacts),
    details: within(details, maskPath),
    notes: said,
  };
}

/** Closed where the file has an open alert under the name that it has today. */
const oneAlertAFile = `(resolved_at, resolved_by) = (
  select case when twin then now() else t.resolved_at end, case when twin then 'pipeline' else t.resolved_by end
    from (select t.resolved_at is null and exists (
            select from ops.alerts o where o._client_id = t._client_id and o.area = t.area and o.kind = t.kind
               and o.subject = s.subject and o.resolved_at is null and o.alert_id <> t.alert_id) as twin) found)`;

/** An act is recorded as it was; the notes that came with it are free text, and `of` may be a file's name. */
function keptAudit({ details }: StoredRow): StoredRow {
  if (!isObject(details)) return {};
  const { notes, of, area } = details;
  return {
    details: {
      ...details,
      ...(notes === undefined ? {} : { notes: text(notes, withoutPersons) }),
      ...(area === "ingest" ? { of: text(of, maskPath) } : {}),
    },
  };
}

function keptQuarantine({ source, reason, column_name: column }: StoredRow): StoredRow {
  if (source !== performanceSource) return {};
  return { reason: text(reason, maskPersonal), column_name: text(column, maskName) };
}

/** A referrer that is no address of a page is none. */
const keptClick = ({ referrer, bot, ...others }: StoredRow): StoredRow => ({
  ...others,
  // An event of an early version may say nothing of them.
  ...(referrer === undefined ? {} : { referrer: text(referrer, keptReferrer) }),
  ...(bot === undefined ? {} : { bot: text(bot, keptBotName) }),
});

const conversionTexts = ["source", "campaign_id", "ad_id", "affiliate_id"] as const;
const conversionColumns = [...conversionTexts, "sub_ids", "unknown_fields"];
const keptConversion = (row: StoredRow): StoredRow => ({
  ...each(row, conversionTexts, impersonal),
  sub_ids: isObject(row["sub_ids"]) ? keptSubIds(Object.entries(row["sub_ids"])) : row["sub_ids"],
  unknown_fields: Array.isArray(row["unknown_fields"])
    ? keptNames(row["unknown_fields"].map(String))
    : row["unknown_fields"],
});

const client = ["_client_id", "text"] as const;

export const storedTexts: readonly StoredTexts[] = [
  {
    table: "recon.posts",
    key: [client, ["post_id", "bigint"]],
    columns: ["title", "description"],
    kept: (row) => each(row, ["title", "description"], withoutPersons),
  },
  {
    table: "recon.disputes",
    key: [client, ["dispute_id", "bigint"]],
    columns: ["reason", "notes"],
    kept: (row) => each(row, ["reason", "notes"], withoutPersons),
  },
  {
    table: "ops.alerts",
    key: [["alert_id", "bigint"]],
    columns: ["area", "subject", "message", "details", "notes", "resolved_by"],
    kept: keptAlert,
    besides: oneAlertAFile,
  },
  {
    table: "ops.files",
    key: [["file_id", "integer"]],
    columns: ["name", "path", "reason"],
    kept: ({ name, path, reason }) => ({
      name: text(name, maskFileName),
      path: text(path, maskPath),
      reason: text(reason, maskContacts),
    }),
  },
  {
    // Of a server with a key it was sealed just before.
    table: "ops.file_headers",
    key: [["file_id", "integer"]],
    columns: ["header"],
    kept: ({ header }) => ({ header: text(header, (given) => (isSealed(given) ? given : maskName(given))) }),
  },
  {
    table: "ops.quarantine",
    key: [["quarantine_id", "bigint"]],
    columns: ["source", "reason", "column_name"],
    kept: keptQuarantine,
  },
  {
    table: "promo.promo_click_tracking",
    key: [client, ["event_id", "text"]],
    columns: ["referrer", "bot"],
    kept: ({ referrer, bot }) => keptClick({ referrer, bot }),
  },
  {
    table: "promo.promo_quarantine",
    key: [client, ["kind", "text"], ["event_id", "text"]],
    columns: ["kind", "event"],
    kept: ({ kind, event }) => (kind === "click" ? { event: keptClick(event as StoredRow) } : {}),
  },
  {
    table: "anytrack.webhook_events",
    key: [client, ["conversion_key", "text"], ["event_hash", "text"]],
    columns: conversionColumns,
    kept: keptConversion,
  },
  {
    table: "anytrack.pulled_conversions",
    key: [client, ["conversion_key", "text"]],
    columns: conversionColumns,
    kept: keptConversion,
  },
  {
    table: "anytrack.conversions",
    key: [client, ["conversion_key", "text"]],
    columns: conversionColumns,
    kept: keptConversion,
  },
  { table: "ops.audit", key: [["audit_id", "bigint"]], columns: ["details"], kept: keptAudit, onlyGrows: true },
];
