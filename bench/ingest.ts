// A file of ad performance into Postgres, beside the other ways people do it, in turn on one server: first load, reload
// with half of the rows changed, reload of the same file. Each is measured as a person would start it, from the shell to
// the end, and each way's table is summed up and compared with the file.
// npm run bench:ingest -- [--sizes 100k,1m,5m] [--rounds 5] [--ways command,workflow,direct,psql,lean,dlt,sling,loop]
//   [--steps 1: the first load alone, 2, 3] [--also held,refused: months that hold another client's rows, a file of unknown creatives]
import { mkdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { addDays, dayAt } from "../core/days.ts";
import { available } from "./ingest-tools.ts";
import {
  client,
  compare,
  emptied,
  isOurs,
  knowCreatives,
  runCommand,
  take,
  titles,
  ways,
  type Bench,
  type Measured,
  type Way,
} from "./ingest-ways.ts";
import { writePerformanceFile, type PerformanceFile } from "./performance-files.ts";
import { startBenchStack } from "./stack.ts";

const allSteps = ["load", "half changed", "unchanged"] as const;
type Step = (typeof allSteps)[number];
const extras = ["held", "refused"] as const;
type Extra = (typeof extras)[number];
const extraTitles: Record<Extra, string> = {
  held: "ours, a first load into months that hold as many rows of another client",
  refused: "ours, as many lines of unknown creatives, refused",
};
const otherClient = "714";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "1m" },
    rounds: { type: "string", default: "5" },
    ways: { type: "string", default: "command,psql,lean,dlt,sling" },
    steps: { type: "string", default: "2" },
    also: { type: "string", default: "" },
  },
});
const sizes = values.sizes.split(",").map(numberOf);
const rounds = Number(values.rounds);
/** Each builds on the one before, so that only the last can be left out. */
const steps = allSteps.slice(0, Number(values.steps));
if (steps.length === 0) throw new Error(`--steps ${values.steps}: say 1, 2 or 3`);
const wanted = namedIn(values.ways, ways, "way");
const also = namedIn(values.also, extras, "extra");
/** Files as they usually arrive: their days count for the periods, which an import then has to sum up again. */
const yesterday = addDays(dayAt(new Date(), "America/New_York"), -1);

const stack = await startBenchStack({
  settings: { LOG_LEVEL: "error", INGEST_SLOTS: "1", CLIENTS: `${client},${otherClient}` },
});
const importDir = path.join(stack.folder, "import");
stack.env["IMPORT_DIR"] = importDir;
// Cut short, it leaves no servers behind.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stack.stop().finally(() => process.exit(130)));
let failed = true;
try {
  await mkdir(importDir, { recursive: true });
  const chosen = await available(wanted);
  const needsWorker = also.length > 0 || chosen.includes("command") || chosen.includes("workflow");
  const bench: Bench = { stack, worker: needsWorker ? await stack.startWorker() : null, importDir };
  for (const rows of sizes) await benchSize(bench, rows, chosen);
  failed = false;
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

interface Files {
  first: { path: string; file: PerformanceFile };
  second: { path: string; file: PerformanceFile };
}

type Results = Map<Way, Record<Step, Measured[]>>;

async function benchSize(bench: Bench, rows: number, chosen: readonly Way[]): Promise<void> {
  // The workflow alone takes them where the worker finds them, the others from elsewhere.
  const folder = chosen.includes("workflow") ? importDir : stack.folder;
  const write = async (name: string, changed: number) => {
    const file = path.join(folder, name);
    return { path: file, file: await writePerformanceFile(file, { rows, changed, lastDay: yesterday }) };
  };
  const files = { first: await write(`first-${rows}.csv`, 0), second: await write(`second-${rows}.csv`, 0.5) };
  const megabytes = (files.first.file.bytes / 1e6).toFixed(1);
  console.log(
    `\n${rows.toLocaleString("en")} rows, ${megabytes} MB; ${rounds} round${rounds > 1 ? "s" : ""}, seconds (of processor) by step: ${steps.join(" / ")}`,
  );
  const results: Results = new Map(chosen.map((way) => [way, { load: [], "half changed": [], unchanged: [] }]));
  const beside = new Map<Extra, Measured[]>(also.map((extra) => [extra, []]));
  const smallest = needsClient(chosen) ? await takeSmallest(bench, files) : 0;
  for (let round = 0; round < rounds; round += 1) {
    const [load = 0] = os.loadavg();
    console.log(`  round ${round + 1}, load ${load.toFixed(1)}`);
    // Each begins once: whoever comes after another finds the caches as that one left them.
    for (const way of [...chosen.slice(round % chosen.length), ...chosen.slice(0, round % chosen.length)])
      await takeSteps(bench, way, files, results);
    for (const extra of also) {
      const measured = await takeExtra(bench, extra, files);
      beside.get(extra)?.push(measured);
      console.log(`    ${extra}: ${measured.seconds.toFixed(2)} (${measured.processorSeconds.toFixed(1)})`);
    }
  }
  report(rows, results, beside);
  if (smallest > 0)
    console.log(`  the command holds ${smallest.toFixed(0)} MB for a file of one line, which is in its figure above`);
  for (const file of [files.first.path, files.second.path]) await rm(file);
}

function needsClient(chosen: readonly Way[]): boolean {
  return also.length > 0 || chosen.includes("command");
}

async function takeSteps(bench: Bench, way: Way, { first, second }: Files, results: Results): Promise<void> {
  await emptied(bench, way, first.file.creatives);
  const said: string[] = [];
  for (const step of steps) {
    const taken = step === "load" ? first : second;
    const measured = await take(bench, way, taken.path);
    await compare(bench, way, taken.file);
    results.get(way)?.[step].push(measured);
    said.push(`${measured.seconds.toFixed(2)} (${measured.processorSeconds.toFixed(1)})`);
  }
  console.log(`    ${way}: ${said.join(" / ")}`);
}

async function takeExtra(bench: Bench, extra: Extra, { first }: Files): Promise<Measured> {
  await emptied(bench, "command", extra === "refused" ? [] : first.file.creatives);
  if (extra === "refused") return runCommand(bench, first.path, client, ["refused"]);
  await knowCreatives(stack, otherClient, first.file.creatives);
  await take(bench, "command", first.path, otherClient);
  const measured = await take(bench, "command", first.path);
  await compare(bench, "command", first.file);
  return measured;
}

/** What the command holds whatever it imports; and everything is warm from here on. */
async function takeSmallest(bench: Bench, { first }: Files): Promise<number> {
  await emptied(bench, "command", first.file.creatives);
  const file = path.join(stack.folder, "one-line.csv");
  await writePerformanceFile(file, { rows: 1, creatives: 1, days: 1, lastDay: yesterday });
  const { peakMb } = await take(bench, "command", file);
  await rm(file);
  return peakMb;
}

function report(rows: number, results: Results, beside: Map<Extra, Measured[]>): void {
  const seconds = (way: Way, step: Step) => median((results.get(way)?.[step] ?? []).map((one) => one.seconds));
  console.log(
    "\n  medians: seconds by step, in brackets of processor, the servers' too; peak memory of the program, and of our worker above idle",
  );
  for (const [way, measured] of results) {
    const all = steps.flatMap((step) => measured[step]);
    const cells = steps
      .map((step) => {
        const ofProcessor = median(measured[step].map((one) => one.processorSeconds));
        return `${seconds(way, step).toFixed(2)} (${ofProcessor.toFixed(1)})`.padStart(16);
      })
      .join("");
    console.log(`  ${titles[way].padEnd(66)} ${cells}   ${memoryOf(all)}`);
  }
  for (const [extra, measured] of beside) {
    const [time, ofProcessor] = (["seconds", "processorSeconds"] as const).map((by) => {
      const its = median(measured.map((one) => one[by]));
      const ofLoad = median((results.get("command")?.load ?? []).map((one) => one[by]));
      return `${its.toFixed(2)}${results.has("command") ? `, ${(its / ofLoad).toFixed(2)} of a load` : ""}`;
    });
    console.log(`  ${extraTitles[extra]}: ${time} (of processor ${ofProcessor})   ${memoryOf(measured)}`);
  }
  console.log(
    "\n  ours in parts of the others' time, by the medians; in brackets the least and the greatest of a round",
  );
  for (const own of [...results.keys()].filter(isOurs))
    for (const other of [...results.keys()].filter((way) => !isOurs(way)))
      for (const by of ["seconds", "processorSeconds"] as const)
        console.log(
          `  ${own} / ${other}, ${by === "seconds" ? "time" : "processor"}: ${steps.map((step) => `${step} ${ratio(results, { own, other, step, by })}`).join(", ")}`,
        );
  console.log(`  ${rows.toLocaleString("en")} rows`);
}

function ratio(
  results: Results,
  { own, other, step, by }: { own: Way; other: Way; step: Step; by: "seconds" | "processorSeconds" },
): string {
  const of = (way: Way) => (results.get(way)?.[step] ?? []).map((one) => one[by]);
  const each = of(own).map((one, round) => one / (of(other)[round] ?? one));
  return `${(median(of(own)) / median(of(other))).toFixed(2)} (${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)})`;
}

function memoryOf(measured: readonly Measured[]): string {
  const worker = measured.flatMap(({ workerMb }) => (workerMb === undefined ? [] : [workerMb]));
  const program = `${Math.max(...measured.map(({ peakMb }) => peakMb)).toFixed(0)} MB`;
  return worker.length === 0 ? program : `${program}, worker ${Math.max(...worker).toFixed(0)} MB above idle`;
}

function namedIn<Name extends string>(given: string, known: readonly Name[], what: string): Name[] {
  return given
    .split(",")
    .filter((name) => name !== "")
    .map((name) => {
      const found = known.find((one) => one === name);
      if (found === undefined) throw new Error(`no ${what} is called ${name}: there are ${known.join(", ")}`);
      return found;
    });
}

function numberOf(text: string): number {
  const [, digits = "", unit = ""] = /^([\d.]+)(k|m)?$/i.exec(text.trim()) ?? [];
  if (digits === "") throw new Error(`${text} is no number of rows`);
  return Number(digits) * (unit.toLowerCase() === "m" ? 1_000_000 : unit.toLowerCase() === "k" ? 1_000 : 1);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
