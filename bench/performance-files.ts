// Files of ad performance for tests and benches: seeded, so that the same arguments write the same bytes everywhere.
// node scripts/run.mjs bench/performance-files FILE --rows 1000000 [--seed 1] [--changed 0.5] [--creatives 10000] [--last-day 2025-12-17]
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { addDays } from "../core/days.ts";

export interface PerformanceFileOptions {
  rows: number;
  seed?: number;
  creatives?: number;
  days?: number;
  /** The day after which nothing is in the file. */
  lastDay?: string;
  /** Share of the rows whose numbers differ from those of the same seed without it: a restatement. */
  changed?: number;
  lineBreak?: "\n" | "\r\n";
  delimiter?: string;
}

export interface PerformanceFile {
  rows: number;
  bytes: number;
  /** Exact sums of what was written, computed apart from whoever reads it. */
  sum: { impressions: string; clicks: string; spend: string };
  creatives: string[];
  from: string;
  to: string;
  sha256: string;
}

const geographies = "US BR IN MX GB DE FR ES IT CA AU JP KR ID PH TH VN MY PL NL SE TR SA AE ZA NG EG AR CO NA".split(
  " ",
);
const devices = ["mobile", "desktop", "tablet"];
export const performanceHeader = ["creative_id", "date", "impressions", "clicks", "spend", "geography", "device_type"];
const rowsAtOnce = 4_000;

/**
 * Ids of creatives as they are met: small ones of the document beside long ones that a double cannot hold. Sorted, as
 * reports are, neither by number nor by age.
 */
export function creativeIds(count: number): string[] {
  return Array.from({ length: count }, (_, n) =>
    n % 2 === 0 ? String(79_783 + n * 7) : (1_912_783_031_778_279_425n + BigInt(n) * 1_000_003n).toString(),
  );
}

/**
 * Rows in the order of a report: by day, then by creative and geography. Every row has a key of its own, spread evenly
 * over all keys that the creatives, days, geographies and devices have.
 */
export function* performanceChunks(options: PerformanceFileOptions): Generator<string, PerformanceFile> {
  const { rows, seed = 1, creatives = 10_000, days = 365, lastDay = "2025-12-17", changed = 0 } = options;
  const { lineBreak = "\n", delimiter = "," } = options;
  const ids = creativeIds(creatives);
  const dates = Array.from({ length: days }, (_, n) => addDays(lastDay, n + 1 - days));
  const keys = creatives * days * geographies.length * devices.length;
  if (rows > keys) throw new Error(`${rows} rows have no keys of their own: there are ${keys}`);
  const random = mulberry(seed);
  const again = mulberry(seed ^ 0x5bd1e995);
  const hash = createHash("sha256");
  const sum = { impressions: 0, clicks: 0, cents: 0 };
  let bytes = 0;
  const written = (text: string): string => {
    hash.update(text);
    bytes += text.length;
    return text;
  };
  yield written(performanceHeader.join(delimiter) + lineBreak);
  const step = keys / rows;
  for (let first = 0; first < rows; first += rowsAtOnce) {
    let text = "";
    for (let row = first; row < Math.min(rows, first + rowsAtOnce); row += 1) {
      const key = Math.floor(row * step);
      const device = devices[key % 3] as string;
      const geography = geographies[Math.floor(key / 3) % 30] as string;
      const id = ids[Math.floor(key / 90) % creatives] as string;
      const date = dates[Math.floor(key / 90 / creatives)] as string;
      let impressions = Math.floor(random() ** 3 * 100_000);
      let clicks = Math.floor(impressions * random() * 0.03);
      let cents = Math.floor(impressions * (0.05 + random() * 0.4));
      if (again() < changed) {
        impressions += 1 + Math.floor(again() * 50);
        clicks += Math.floor(again() * 2);
        cents += 1 + Math.floor(again() * 100);
      }
      sum.impressions += impressions;
      sum.clicks += clicks;
      sum.cents += cents;
      const spend = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
      text += `${id}${delimiter}${date}${delimiter}${impressions}${delimiter}${clicks}${delimiter}${spend}${delimiter}${geography}${delimiter}${device}${lineBreak}`;
    }
    yield written(text);
  }
  return {
    rows,
    bytes,
    sum: {
      impressions: String(sum.impressions),
      clicks: String(sum.clicks),
      spend: `${Math.floor(sum.cents / 100)}.${String(sum.cents % 100).padStart(2, "0")}`,
    },
    creatives: ids,
    from: dates[0] ?? lastDay,
    to: lastDay,
    sha256: hash.digest("hex"),
  };
}

/** Writes such a file. */
export async function writePerformanceFile(file: string, options: PerformanceFileOptions): Promise<PerformanceFile> {
  const stream = createWriteStream(file);
  const chunks = performanceChunks(options);
  for (;;) {
    const next = chunks.next();
    if (next.done === true) {
      stream.end();
      await finished(stream);
      return next.value;
    }
    if (!stream.write(next.value)) await once(stream, "drain");
  }
}

/** Numbers from 0 to below 1 that are the same for the same seed on every machine. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: {
      rows: { type: "string", default: "100000" },
      seed: { type: "string", default: "1" },
      changed: { type: "string", default: "0" },
      creatives: { type: "string", default: "10000" },
      "last-day": { type: "string", default: "2025-12-17" },
    },
    allowPositionals: true,
  });
  const [file] = positionals;
  if (file === undefined) throw new Error("say which file to write");
  const { creatives, ...written } = await writePerformanceFile(file, {
    rows: Number(values.rows),
    seed: Number(values.seed),
    changed: Number(values.changed),
    creatives: Number(values.creatives),
    lastDay: values["last-day"],
  });
  console.log({ ...written, creatives: creatives.length });
}
