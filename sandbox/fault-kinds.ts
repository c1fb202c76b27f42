import { z } from "zod";
import { isCivilDay } from "./civil-day.ts";

const day = z.string().refine(isCivilDay, "expected a day such as 2025-12-18");
const decimal = z.string().regex(/^-?\d+(\.\d{1,6})?$/, 'expected a decimal as text, such as "26269.20"');
const count = z.int().nonnegative();
const ms = z.int().positive();
const field = z.string().min(1);

/** A fault without parameters. */
const plain = <Kind extends string>(kind: Kind) => z.strictObject({ kind: z.literal(kind) });

const dataFault = z.discriminatedUnion("kind", [
  z
    .strictObject({
      kind: z.literal("restate"),
      sourceId: z.string(),
      cost: decimal.optional(),
      add: decimal.optional(),
      multiply: decimal.optional(),
      clicks: count.optional(),
      conversions: count.optional(),
    })
    .refine(
      ({ cost, add, multiply }) => [cost, add, multiply].filter((one) => one !== undefined).length <= 1,
      "cost, add and multiply exclude each other",
    ),
  z.strictObject({ kind: z.literal("withdraw"), sourceId: z.string().optional() }),
  /** A day as it stood when this share of it was over; once lifted, it is as far as the clock is. */
  z.strictObject({ kind: z.literal("so_far"), share: z.number().min(0).max(1) }),
  z.strictObject({
    kind: z.literal("add_row"),
    sourceId: z.string(),
    sourceName: z.string().default("Added Source"),
    sourceAlias: z.string().default("added"),
    cost: decimal,
    clicks: count.default(1),
    conversions: count.default(0),
  }),
  // Of Everflow.
  z.strictObject({
    kind: z.literal("set_status"),
    status: z.string().min(1),
    /** One conversion, or every n-th of the day. */
    conversionId: z.string().optional(),
    every: z.int().positive().optional(),
  }),
  /** So many new conversions after each page that is read, ahead of all others, until there are `most`. */
  z.strictObject({ kind: z.literal("insert_while_paging"), rows: count.default(3), most: count.default(9) }),
  /** The statistics of one affiliate say something else than its conversions. */
  z.strictObject({ kind: z.literal("adjust_stats"), affiliateId: z.string(), payout: decimal }),
]);

const dataFaultKinds: ReadonlySet<string> = new Set(dataFault.options.map((option) => option.shape.kind.value));

const wireFault = z.discriminatedUnion("kind", [
  // What is answered instead of the vendor's own answer.
  z.strictObject({
    kind: z.literal("rate_limited"),
    retryAfterSeconds: z.number().optional(),
    /** An HTTP date this many seconds from now. */
    retryAfterDateIn: z.number().optional(),
    /** The header as it stands, for what no vendor should send. */
    retryAfter: z.string().optional(),
    /** Which of its limits the vendor names: HubSpot's DAILY, say. */
    policy: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal("rate_limited_200"), retryAfterSeconds: z.number().optional() }),
  z.strictObject({ kind: z.literal("server_error"), status: z.int().min(400).max(599).default(500) }),
  plain("unauthorized"),
  z.strictObject({ kind: z.literal("html"), status: z.int().min(200).max(599).default(200) }),
  plain("null"),
  plain("empty_body"),
  z.strictObject({ kind: z.literal("wrapped_error"), error: z.string().default("Problem with loading report") }),
  z.strictObject({ kind: z.literal("echo_key"), status: z.int().min(200).max(599).default(500) }),
  // What happens to the answer on its way.
  plain("reset"),
  z.strictObject({ kind: z.literal("latency"), ms }),
  z.strictObject({ kind: z.literal("slow_headers"), ms: ms.default(1_000), lines: z.int().positive().default(60) }),
  z.strictObject({ kind: z.literal("slow_bytes"), ms: ms.default(1_000), bytes: z.int().positive().default(16) }),
  z.strictObject({ kind: z.literal("never_ending"), ms: ms.default(100) }),
  z.strictObject({ kind: z.literal("huge"), megabytes: z.int().positive().default(1_024) }),
  z.strictObject({ kind: z.literal("gzip_bomb"), megabytes: z.int().positive().default(1_024) }),
  // What is done to the vendor's own answer.
  z.strictObject({ kind: z.literal("truncated"), keepShare: z.number().min(0).max(1).default(0.6) }),
  z.strictObject({ kind: z.literal("wrong_content_type"), contentType: z.string().default("text/plain") }),
  plain("bom"),
  z.strictObject({ kind: z.literal("duplicate_json_key"), field: field.default("cost"), value: z.json().default(1) }),
  z.strictObject({ kind: z.literal("duplicate_row"), row: count.default(0) }),
  z.strictObject({ kind: z.literal("missing_field"), field, row: count.optional() }),
  z.strictObject({ kind: z.literal("null_field"), field, row: count.optional() }),
  z.strictObject({ kind: z.literal("rename_field"), field, to: field, row: count.optional() }),
  z.strictObject({ kind: z.literal("extra_field"), field, value: z.json().default("new"), row: count.optional() }),
  /** The value as it stands in the JSON text: NaN, 1e400, "1,234.50". */
  z.strictObject({ kind: z.literal("raw_field"), field, raw: z.string().min(1), row: count.optional() }),
  plain("numbers_as_strings"),
  z.strictObject({ kind: z.literal("total_off"), field: field.default("cost"), amount: z.number() }),
  plain("repeat_page"),
  /** No page holds more rows than this, whatever the page size asked for. */
  z.strictObject({ kind: z.literal("page_cap"), rows: z.int().positive() }),
]);

const match = z.strictObject({
  day: day.optional(),
  client: z.string().optional(),
  page: z.int().positive().optional(),
  path: z.string().startsWith("/").optional(),
});

/** What a fault is set by: where it strikes and how often; the kind and its parameters stand beside these. */
export const faultTarget = z.object({
  vendor: z.string(),
  match: match.default({}),
  times: z.int().positive().optional(),
});

export const faultEffect = z.discriminatedUnion("kind", [wireFault, dataFault]);

export type FaultTarget = z.infer<typeof faultTarget>;
export type WireFault = z.infer<typeof wireFault>;
export type DataFault = z.infer<typeof dataFault>;
export type FaultEffect = WireFault | DataFault;

export function isDataFault(effect: FaultEffect): effect is DataFault {
  return dataFaultKinds.has(effect.kind);
}
