import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { exportConversions } from "../../queries/conversions/anytrack-export.ts";
import {
  checkRange,
  civilDay,
  clientOption,
  defineCommand,
  runCommand,
  work,
  type Report,
} from "../shared/command-line.ts";
import { count } from "../shared/printing.ts";

const command = defineCommand(
  "export",
  "Writes AnyTrack's conversions of a range of days to a CSV file, safe to open in a spreadsheet.",
  [
    "npm run export -- --from 2025-12-01 --to 2025-12-18",
    "npm run export -- --from 2025-12-01 --to 2025-12-18 --traffic facebook --out facebook.csv",
  ],
)
  .requiredOption("--from <day>", "the first day, YYYY-MM-DD, in America/New_York")
  .requiredOption("--to <day>", "the last day")
  .option(...clientOption)
  .option("--traffic <source>", "only this traffic source")
  .option("--campaign <id>", "only this campaign")
  .option("--affiliate <id>", "only this affiliate")
  .option("--type <type>", "only this type: SALE, LEAD, SIGNUP, CUSTOM")
  .option("--out <file>", "the file; conversions-<from>-<to>.csv when left out");

const filter = z.string().optional();

command.action(
  work(
    z.object({
      from: civilDay,
      to: civilDay,
      client: filter,
      traffic: filter,
      campaign: filter,
      affiliate: filter,
      type: filter,
      out: filter,
    }),
    async (context, { traffic, out, ...options }): Promise<Report> => {
      checkRange(options.from, options.to);
      const file = path.resolve(out ?? `conversions-${options.from}-${options.to}.csv`);
      const database = await context.database();
      let conversions = -1;
      const lines = Readable.from(
        exportConversions(database, { ...options, source: traffic, client: context.client(options.client) }),
        { objectMode: false },
      );
      // Beside it first: an export that breaks off must not look like one.
      const part = `${file}.part`;
      try {
        await pipeline(
          lines,
          async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of chunks) {
              conversions += countLines(chunk);
              context.progress.show(`${Math.max(0, conversions)} conversions`);
              yield chunk;
            }
          },
          createWriteStream(part, { mode: 0o600 }),
        );
        await rename(part, file);
      } finally {
        await rm(part, { force: true });
      }
      return { document: { file, conversions }, lines: [`${file}: ${count(conversions, "conversion")}`] };
    },
  ),
);

/** Our lines end in CRLF, and no cell holds one: what looked like one inside a cell would only count too many. */
function countLines(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf("\r\n"); at >= 0; at = chunk.indexOf("\r\n", at + 2)) lines += 1;
  return lines;
}

await runCommand(command);
