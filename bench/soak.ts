// Everything at once for an hour: schedules a hundred times as often as in a deployment, files, claims, conversions, clicks
// and page views, with one part killed every minute. Then whether anything is lost or counted twice, and what has grown.
// npm run soak -- [--minutes 60] [--kill-every 60] [--seed 7]; five minutes: npm run drill -- soak
import { parseArgs } from "node:util";
import { createChance } from "./drills/chance.ts";
import { runSoak } from "./soak/soak.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    "kill-every": { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
console.error(`seed ${values.seed}`);
const { state, seen } = await runSoak(
  { minutes: Number(values.minutes), killEverySeconds: Number(values["kill-every"]) },
  { random: createChance(Number(values.seed)), kills: 0, say: (line) => console.error(`   ${line}`) },
);
console.log(`${state}\n${seen.replaceAll("; ", "\n")}`);
process.exit(state === "held" ? 0 : 1);
