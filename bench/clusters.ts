// How long creatives take to be grouped by rules, and how far the groups agree with what each advertises.
// npm run bench:clusters
import { agreement } from "../rules/intelligence/agreement.ts";
import { groupCreatives, makeCampaigns } from "../rules/intelligence/cluster.ts";
import { drawProducts } from "../sandbox/data/creative-products.ts";
import { makeCreatives, type MakeOptions } from "../sandbox/data/creatives.ts";
import { factsOf } from "./made-creatives.ts";

const none = { pins: new Map<string, string>(), anchors: new Map<string, string>() };
const worlds: { name: string; most: number; options: MakeOptions }[] = [
  { name: "652 creatives of the sandbox", most: 2, options: {} },
  { name: "652, hardly a brand or name", most: 2, options: { poor: true } },
  { name: "652 of 60 drawn products", most: 2, options: { seed: "w3", products: drawProducts("w3", 60) } },
  { name: "5,000 of 19 products", most: 20, options: { count: 5_000 } },
  {
    name: "5,000 of 200 drawn products",
    most: 20,
    options: { count: 5_000, seed: "w5", products: drawProducts("w5", 200) },
  },
  {
    name: "5,000 of 200, hardly a brand or name",
    most: 20,
    options: { count: 5_000, seed: "w5", products: drawProducts("w5", 200), poor: true },
  },
];

const print = (cells: readonly (string | number)[]) =>
  console.log([String(cells[0]).padEnd(38), ...cells.slice(1).map((cell) => String(cell).padStart(9))].join(" "));

let slow = 0;
print(["", "seconds", "groups", "F1", "Rand", "precision", "recall"]);
for (const { name, most, options } of worlds) {
  const made = makeCreatives(options);
  const creatives = made.map(factsOf);
  const began = performance.now();
  const { campaigns } = makeCampaigns(groupCreatives(creatives).groups, { known: [], decisions: none });
  const seconds = (performance.now() - began) / 1_000;
  const groupOf = new Map(campaigns.flatMap(({ members }, at) => members.map(({ id }) => [id, String(at)] as const)));
  const { f1, adjustedRand, precision, recall } = agreement(
    creatives.map(({ id }) => groupOf.get(id) ?? ""),
    made.map(({ product }) => product),
  );
  print([
    name,
    seconds.toFixed(2),
    campaigns.length,
    ...[f1, adjustedRand, precision, recall].map((one) => one.toFixed(3)),
  ]);
  if (seconds > most) slow += 1;
}
if (slow > 0) {
  console.error(`${slow} took longer than 2 s for 652 creatives, or 20 s for 5,000`);
  process.exitCode = 1;
}
