import { creativeName } from "../../rules/rtb/creative-names.ts";
import { whyNoId } from "./creative-check.ts";
import { readSmallTable, type TableLine } from "./small-table.ts";

/** What a file says of one creative. What it leaves blank is not there. */
export interface FileCreative {
  creativeId: string;
  buyerId?: string;
  format?: string;
  width?: number;
  height?: number;
  canonicalSize?: string;
  sizeCategory?: string;
  googleBuyersUrl?: string;
  declaredClickUrls?: string[];
}

export interface CreativesFile {
  creatives: FileCreative[];
  seats: { buyerId: string; displayName?: string; bidderAccountId?: string }[];
  /** Which creatives a campaign has, by its name. */
  campaigns: { campaignName: string; creativeIds: string[] }[];
}

/** Everything that is wrong with the file, each with its line and column. Nothing of it is used. */
export class CreativesFileError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
    this.name = "CreativesFileError";
  }
}

const columns = [
  "creative_id",
  "buyer_id",
  "buyer_name",
  "bidder_account_id",
  "format",
  "width",
  "height",
  "canonical_size",
  "size_category",
  "google_buyers_url",
  "click_url",
  "campaign",
] as const;
type Column = (typeof columns)[number];

const longest = 2_000;
const mostPixels = 100_000;
const mostProblems = 50;

/**
 * Reads a CSV of creatives: one line each, or one per campaign where a creative is in several. What two lines say of one
 * creative or seat has to agree.
 */
export function parseCreativesFile(bytes: Uint8Array): CreativesFile {
  const problems: string[] = [];
  const creatives = new Map<string, FileCreative>();
  const seats = new Map<string, CreativesFile["seats"][number]>();
  const campaigns = new Map<string, Set<string>>();
  const table = readSmallTable(bytes, {
    columns,
    required: ["creative_id"],
    refuse: (found) => new CreativesFileError(found),
  });
  problems.push(...table.problems);
  const lines = table.lines.flatMap(({ line, cells }) => {
    const found = readCreative(line, cells, problems);
    return found === null ? [] : [{ line, cells, found }];
  });
  const seatsOf = new Map<string, Set<string>>();
  for (const { found } of lines)
    if (found.buyerId !== undefined)
      seatsOf.set(found.creativeId, (seatsOf.get(found.creativeId) ?? new Set()).add(found.buyerId));
  for (const { line, cells, found } of lines) {
    const { creativeId } = found;
    const [onlySeat, other] = seatsOf.get(creativeId) ?? [];
    if (found.buyerId === undefined && other !== undefined) {
      problems.push(`line ${line}, buyer_id: is empty, and several seats have a creative ${creativeId}`);
      continue;
    }
    const name =
      other === undefined || found.buyerId === undefined ? creativeId : creativeName(found.buyerId, creativeId);
    const merged = creatives.get(name) ?? { creativeId, ...(onlySeat === undefined ? {} : { buyerId: onlySeat }) };
    if (found.buyerId !== undefined) merged.buyerId = found.buyerId;
    agree(`line ${line}: creative ${name}`, merged, found, problems);
    creatives.set(name, merged);
    const { buyerId } = found;
    if (buyerId !== undefined) {
      const seat = seats.get(buyerId) ?? { buyerId };
      agree(`line ${line}: buyer ${buyerId}`, seat, readSeat(buyerId, cells), problems);
      seats.set(buyerId, seat);
    } else if (cells.buyer_name !== undefined || cells.bidder_account_id !== undefined) {
      problems.push(`line ${line}, buyer_id: is empty, but the line names a buyer`);
    }
    if (cells.campaign !== undefined)
      campaigns.set(cells.campaign, (campaigns.get(cells.campaign) ?? new Set()).add(name));
  }
  if (problems.length === 0 && creatives.size === 0) problems.push("the file has no creatives");
  if (problems.length > 0) {
    const more = problems.length - mostProblems;
    throw new CreativesFileError([...problems.slice(0, mostProblems), ...(more > 0 ? [`and ${more} more`] : [])]);
  }
  return {
    creatives: [...creatives.values()],
    seats: [...seats.values()],
    campaigns: [...campaigns].map(([campaignName, ids]) => ({ campaignName, creativeIds: [...ids] })),
  };
}

type Cells = TableLine<Column>["cells"];

function readCreative(line: number, cells: Cells, problems: string[]): FileCreative | null {
  const before = problems.length;
  for (const [column, text] of Object.entries(cells)) {
    if (text.length > longest) problems.push(`line ${line}, ${column}: longer than ${longest} characters`);
    else if (/\p{Cc}/u.test(text)) problems.push(`line ${line}, ${column}: has a control character`);
  }
  const creativeId = cells.creative_id ?? "";
  const why = creativeId === "" ? "is empty" : whyNoId(creativeId);
  if (why !== null) problems.push(`line ${line}, creative_id: "${creativeId.slice(0, 80)}" ${why}`);
  const pixels = (column: "width" | "height") => {
    const text = cells[column];
    if (text === undefined) return undefined;
    // A spreadsheet may write 300 as 300,0 or 300.00.
    const [, digits] = /^(\d{1,6})(?:[.,]0{1,2})?$/.exec(text) ?? [];
    if (digits === undefined || Number(digits) > mostPixels)
      problems.push(`line ${line}, ${column}: must be pixels, not "${text.slice(0, 80)}"`);
    return Number(digits);
  };
  const [width, height] = [pixels("width"), pixels("height")];
  const size = width === undefined || height === undefined ? undefined : `${width}x${height}`;
  if (problems.length > before) return null;
  return said({
    creativeId,
    buyerId: cells.buyer_id,
    format: cells.format,
    width,
    height,
    canonicalSize: cells.canonical_size ?? size,
    sizeCategory: cells.size_category,
    googleBuyersUrl: cells.google_buyers_url,
    declaredClickUrls: cells.click_url === undefined ? undefined : [cells.click_url],
  });
}

function readSeat(buyerId: string, cells: Cells): CreativesFile["seats"][number] {
  return said({ buyerId, displayName: cells.buyer_name, bidderAccountId: cells.bidder_account_id });
}

type Said<Fields> = { [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name] } & {
  [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined>;
};

function said<Fields extends object>(fields: Fields): Said<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Said<Fields>;
}

/** Adds what a line says to what earlier ones said. */
function agree(who: string, known: object, found: object, problems: string[]): void {
  const earlier = known as Record<string, unknown>;
  for (const [name, value] of Object.entries(found)) {
    if (earlier[name] === undefined) earlier[name] = value;
    else if (JSON.stringify(earlier[name]) !== JSON.stringify(value))
      problems.push(`${who}: ${name} is "${String(value)}" here and "${String(earlier[name])}" in an earlier line`);
  }
}
