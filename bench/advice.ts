// Whether advice is right, on made-up campaigns of which the truth is known: how many of the planted opportunities are found
// over the nights, and what share of all that is listed is chance.
// npm run bench:advice -- [--seeds 20] [--nights 90] [--noise 500] [--planted 12]
import { parseArgs } from "node:util";
import { opportunityTypes } from "../rules/intelligence/opportunity-cells.ts";
import { followAdvice } from "./advice-nights.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    nights: { type: "string", default: "90" },
    noise: { type: "string", default: "500" },
    planted: { type: "string", default: "12" },
    wander: { type: "string", default: "0.08" },
    dispersion: { type: "string", default: "1.5" },
  },
  allowPositionals: true,
});

const shares: number[] = [];
const recalls: number[] = [];
for (let seed = 1; seed <= Number(values.seeds); seed += 1) {
  const outcome = followAdvice(`advice ${seed}`, {
    noise: Number(values.noise),
    plantedEach: Number(values.planted),
    nights: Number(values.nights),
    wander: Number(values.wander),
    dispersion: Number(values.dispersion),
  });
  const { listed, chance, found, eligible } = outcome;
  shares.push(listed === 0 ? 0 : chance.length / listed);
  recalls.push(found.length / eligible.length);
  const byType = opportunityTypes
    .map((type) => {
      const of = (names: readonly string[]) => names.filter((name) => name.startsWith(`${type}/`)).length;
      return `${type} ${of(found)} of ${of(eligible)}, ${of(chance)} by chance`;
    })
    .join("; ");
  console.log(`seed ${seed}: ${outcome.tested} parts tested a night, ${listed} listed: ${byType}`);
}
const mean = (all: readonly number[]) => all.reduce((total, one) => total + one, 0) / all.length;
console.log(
  `recall above the floors: mean ${mean(recalls).toFixed(3)}, least ${Math.min(...recalls).toFixed(3)}; listed by chance: mean ${mean(shares).toFixed(3)}, most ${Math.max(...shares).toFixed(3)}`,
);
