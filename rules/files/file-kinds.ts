/** What a line of a file of ad performance says. */
export const performanceFields = [
  "buyer_id",
  "creative_id",
  "date",
  "hour",
  "geography",
  "device_type",
  "placement",
  "impressions",
  "clicks",
  "spend",
] as const;

/** What lines of reports and of a bidder's traffic say beside that. */
const reportFields = [
  "publisher_id",
  "publisher_name",
  "billing_id",
  "creative_size",
  "creative_format",
  "filtering_reason",
  "inventory_matches",
  "bid_requests",
  "successful_responses",
  "reached_queries",
  "bids",
  "bids_in_auction",
  "auctions_won",
  "viewable",
  "measurable",
  "invalid_impressions",
  "prefiltered_impressions",
  "billed_impressions",
  "timestamp",
  "size",
  "format",
  "requests",
  "qps",
  "seconds",
] as const;

export const fileFields = [...performanceFields, ...reportFields] as const;
export type FileField = (typeof fileFields)[number];

/** Columns of a table that a report's lines go into. They are called as the fields are. */
export interface ReportKind {
  table: string;
  /** With these the table tells lines apart, beside client and seat. */
  keys: readonly string[];
  /** What else a line says, and no sum is made of. */
  named: readonly string[];
  counts: readonly string[];
  /** The count that says how much of a day a file has. */
  main: string;
  hasSpend: boolean;
  /** Columns that the file must have. */
  required: readonly FileField[];
}

const funnelCounts = [
  "inventory_matches",
  "bid_requests",
  "successful_responses",
  "reached_queries",
  "bids",
  "bids_in_auction",
  "auctions_won",
  "impressions",
  "clicks",
] as const;

/** Reports of Authorized Buyers, and the traffic of the bidder's own: each has a table of its own. */
export const reportKinds = {
  funnel_by_country: {
    table: "rtb.report_countries",
    keys: ["date", "hour", "geography"],
    named: [],
    counts: funnelCounts,
    main: "bid_requests",
    hasSpend: false,
    required: ["date", "bid_requests"],
  },
  funnel_by_publisher: {
    table: "rtb.report_publishers",
    keys: ["date", "hour", "geography", "publisher_id"],
    named: ["publisher_name"],
    counts: funnelCounts,
    main: "bid_requests",
    hasSpend: false,
    required: ["date", "publisher_id", "bid_requests"],
  },
  bids_in_auction: {
    table: "rtb.report_bids",
    keys: ["date", "hour", "geography", "creative_id"],
    named: [],
    counts: ["bids_in_auction", "auctions_won", "bids", "reached_queries", "impressions", "clicks"],
    main: "bids_in_auction",
    hasSpend: true,
    required: ["date", "creative_id", "bids_in_auction"],
  },
  quality: {
    table: "rtb.report_quality",
    keys: ["date", "billing_id", "creative_id", "creative_size", "creative_format"],
    named: [],
    counts: ["reached_queries", "impressions", "clicks", "viewable", "measurable", "invalid_impressions"],
    main: "measurable",
    hasSpend: true,
    required: ["date", "creative_id", "viewable", "measurable"],
  },
  bid_filtering: {
    table: "rtb.report_filtering",
    keys: ["date", "hour", "geography", "creative_id", "filtering_reason"],
    named: [],
    counts: ["bids"],
    main: "bids",
    hasSpend: false,
    required: ["date", "filtering_reason", "bids"],
  },
  invalid_traffic: {
    table: "rtb.report_invalid",
    keys: ["date", "hour", "geography", "publisher_id", "creative_id"],
    named: ["publisher_name"],
    counts: [
      "impressions",
      "invalid_impressions",
      "prefiltered_impressions",
      "billed_impressions",
      "viewable",
      "measurable",
    ],
    main: "invalid_impressions",
    hasSpend: false,
    required: ["date", "invalid_impressions"],
  },
  traffic: {
    table: "rtb.rtb_traffic",
    keys: ["at", "size", "format", "geography", "device_type"],
    named: ["date", "hour", "seconds"],
    counts: ["requests"],
    main: "requests",
    hasSpend: false,
    required: ["timestamp", "size"],
  },
} as const satisfies Record<string, ReportKind>;

export type ReportName = keyof typeof reportKinds;
export const reportNames = Object.keys(reportKinds) as ReportName[];
export type FileKind = "performance" | ReportName;

/** The feed that files of ad performance are, in ops.files and ops.quarantine. */
export const performanceSource = "rtb.performance";

/** The feed that files of a kind are: that of a report is called as its table. */
export const sourceOf = (kind: FileKind): string =>
  kind === "performance" ? performanceSource : reportKinds[kind].table;

export const fileSources: readonly string[] = [performanceSource, ...reportNames.map(sourceOf)];

/** The kind of file that a feed is of. */
export function kindOfSource(source: string): FileKind {
  return reportNames.find((name) => reportKinds[name].table === source) ?? "performance";
}

/** Whether files of a feed say what was spent: of others a sum of 0 says nothing. */
export function saysSpend(source: string): boolean {
  const kind = kindOfSource(source);
  return kind === "performance" || reportKinds[kind].hasSpend;
}

/** Fields that no file of a kind may lack: a missing number must not become a zero. */
export function requiredFields(kind: FileKind = "performance"): readonly FileField[] {
  return kind === "performance"
    ? ["creative_id", "date", "impressions", "clicks", "spend"]
    : reportKinds[kind].required;
}

/** Fields that are measures: a second column for one is another measure, and splits no line. */
const measures: readonly FileField[] = [
  ...(["date", "impressions", "clicks", "spend", "publisher_name", "timestamp", "requests", "qps", "seconds"] as const),
  ...funnelCounts,
  ...(["viewable", "measurable", "invalid_impressions", "prefiltered_impressions", "billed_impressions"] as const),
];

/** Fields that hold numbers: what JSON writes as a number is read as one. */
export const isNumber = (field: FileField) =>
  isMeasure(field) && !["date", "timestamp", "publisher_name"].includes(field);
export const isMeasure = (field: FileField) => measures.includes(field);

/** Fields that lines of a kind have. */
export function fieldsOf(kind: FileKind = "performance"): readonly FileField[] {
  if (kind === "performance") return performanceFields;
  const { keys, named, counts, hasSpend }: ReportKind = reportKinds[kind];
  const known = new Set(["buyer_id", ...keys, ...named, ...counts, ...(hasSpend ? ["spend"] : [])]);
  const traffic: readonly FileField[] =
    kind === "traffic"
      ? ["buyer_id", "timestamp", "size", "format", "geography", "device_type", "requests", "qps", "seconds"]
      : [];
  return kind === "traffic" ? traffic : fileFields.filter((field) => known.has(field));
}
