// Causes the faults this software must survive, and checks after each that what should be true is true.
// npm run drill -- [rows or names] [--short] [--list] [--seed 7] [--kills 100]
import { Command, InvalidArgumentError } from "commander";
import { createChance } from "./chance.ts";
import { chooseDrills } from "./choose.ts";
import type { Drill, DrillSetup, Finding } from "./drill.ts";
import { drills } from "./registry.ts";
import { drawList, drawTable, summarize, type DrillResult } from "./table.ts";

const program = new Command("drill")
  .description("Causes faults in a system of its own, and prints the result of each. Exits 1 when a check fails.")
  .argument("[drills...]", "rows or names, as --list shows them; all, when none is given")
  .option("--short", "only those that take seconds")
  .option("--list", "show the drills, run none")
  .option("--seed <number>", "repeats what chance decided in an earlier run", whole)
  .option("--kills <number>", "how many kills the drill of kills makes", whole, 100)
  .parse();
const {
  short = false,
  list = false,
  seed = Date.now() % 1_000_000,
  kills,
} = program.opts<{
  short?: boolean;
  list?: boolean;
  seed?: number;
  kills: number;
}>();

const chosen = choose();
if (list) console.log(drawList(chosen));
else {
  console.error(`seed ${seed}`);
  const results: DrillResult[] = [];
  for (const drill of chosen) {
    console.error(`── ${drill.name}: ${drill.done}`);
    const began = performance.now();
    const found = await runDrill(drill, {
      random: createChance(seed),
      kills,
      say: (line) => console.error(`   ${line}`),
    });
    results.push({ drill, ...found, seconds: (performance.now() - began) / 1_000 });
    console.error(`── ${drill.name}: ${found.state}: ${found.seen}`);
  }
  console.log(drawTable(results));
  console.log(`${summarize(results)} (seed ${seed})`);
  // A connection that a fault left open would keep the process.
  process.exit(results.some(({ state }) => state === "broken") ? 1 : 0);
}

function choose(): Drill[] {
  try {
    return chooseDrills(drills, program.args, short);
  } catch (error) {
    return program.error((error as Error).message, { exitCode: 2 });
  }
}

/** A drill that throws has not held. */
async function runDrill(drill: Drill, setup: DrillSetup): Promise<Finding> {
  try {
    return await drill.run(setup);
  } catch (error) {
    setup.say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return { state: "broken", seen: reasonOf(error) };
  }
}

/** What a failed workflow says is where it came from, several causes down. */
function reasonOf(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).split("\n")[0]?.slice(0, 300) ?? "";
  return error instanceof Error && error.cause !== undefined ? `${message}: ${reasonOf(error.cause)}` : message;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("a whole number is needed");
  return Number(text);
}
