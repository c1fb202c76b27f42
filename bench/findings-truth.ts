// Whether findings are real: made-up affiliates and sources whose truth is known, with three of each kind planted and with none.
// npm run bench:findings-truth -- [seeds, 200]
import { findAll } from "../rules/findings/find.ts";
import { findingKinds, identityOf } from "../rules/findings/kinds.ts";
import { findingWorld } from "./finding-world.ts";

const seeds = Number(process.argv[2] ?? "200");
const counts = new Map(findingKinds.map((kind) => [kind, { planted: 0, found: 0, beside: 0, ofNoise: 0 }]));
const kindOf = (identity: string) => counts.get(identity.split(" ")[0] as (typeof findingKinds)[number]);

for (let seed = 1; seed <= seeds; seed += 1) {
  const { records, planted } = findingWorld(seed);
  const found = new Set(findAll(records, () => 0).found.map(identityOf));
  for (const identity of planted) {
    const count = kindOf(identity);
    if (count === undefined) continue;
    count.planted += 1;
    if (found.has(identity)) count.found += 1;
  }
  for (const identity of found) {
    const count = kindOf(identity);
    if (count !== undefined && !planted.has(identity)) count.beside += 1;
  }
  for (const one of findAll(findingWorld(seed, false).records, () => 0).found) {
    const count = counts.get(one.kind);
    if (count !== undefined) count.ofNoise += 1;
  }
}
console.log(`${seeds} seeds; found of those that were planted, found beside them, and found where there is only noise`);
for (const [kind, { planted, found, beside, ofNoise }] of counts)
  if (planted > 0)
    console.log(
      `${kind.padEnd(22)} ${found} of ${planted}; beside: ${beside} (${((100 * beside) / Math.max(1, found + beside)).toFixed(1)} %); of noise: ${(ofNoise / seeds).toFixed(3)} a search`,
    );
