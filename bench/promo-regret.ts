// What the three ways of choosing a text lose against always sending the best one, on made-up click rates, as a plot
// in docs/promo-regret.svg. The same on every machine.
// npm run bench:promo-regret -- [--sends 10000] [--runs 20] [--out docs/promo-regret.svg]
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { selectionModes, type SelectionMode } from "../rules/promo/choose.ts";
import { arms, meanRegrets } from "./promo-simulation.ts";

const { values } = parseArgs({
  options: {
    sends: { type: "string", default: "10000" },
    runs: { type: "string", default: "20" },
    out: { type: "string", default: "docs/promo-regret.svg" },
  },
  allowPositionals: true,
});
const sends = Number(values.sends);
const runs = Number(values.runs);

const names: Record<SelectionMode, string> = {
  fixed: "fixed weights",
  performance: "weight × (1 + CTR/100)",
  thompson: "Thompson sampling",
};
/** Told apart by their dashes too, not by colour alone. */
const strokes: Record<SelectionMode, string> = {
  fixed: 'stroke="#b45309" stroke-width="2"',
  performance: 'stroke="#6d28d9" stroke-width="2" stroke-dasharray="8 4"',
  thompson: 'stroke="#0f766e" stroke-width="3"',
};
const box = { width: 760, height: 420, left: 60, right: 220, top: 50, bottom: 50 };

function draw(regrets: Record<SelectionMode, number[]>): string {
  const most = Math.max(...selectionModes.map((mode) => regrets[mode].at(-1) ?? 0));
  const top = Math.ceil(most / 50) * 50;
  const x = (send: number) => box.left + (send / sends) * (box.width - box.left - box.right);
  const y = (clicks: number) => box.height - box.bottom - (clicks / top) * (box.height - box.top - box.bottom);
  const step = Math.max(1, Math.floor(sends / 200));
  const line = (mode: SelectionMode) =>
    [0, ...Array.from({ length: Math.floor(sends / step) }, (_, index) => (index + 1) * step)]
      .map((send) => `${x(send).toFixed(1)},${y(send === 0 ? 0 : (regrets[mode][send - 1] ?? 0)).toFixed(1)}`)
      .join(" ");
  // Two lines that end beside each other have their names apart.
  const places = new Map<SelectionMode, number>();
  for (const mode of [...selectionModes].sort(
    (one, other) => (regrets[one].at(-1) ?? 0) - (regrets[other].at(-1) ?? 0),
  )) {
    const above = Math.min(Infinity, ...places.values()) - 16;
    places.set(mode, Math.min(above, y(regrets[mode].at(-1) ?? 0) + 4));
  }
  const ticksX = [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * sends));
  const ticksY = [0, 0.25, 0.5, 0.75, 1].map((part) => part * top);
  const text = (at: { x: number; y: number; anchor?: string; size?: number }, words: string) =>
    `<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}" text-anchor="${at.anchor ?? "start"}" font-size="${at.size ?? 12}">${words}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${box.width} ${box.height}" role="img" aria-labelledby="t" font-family="system-ui, sans-serif">`,
    `<title id="t">Clicks lost against the best text over ${sends} sends: ${selectionModes.map((mode) => `${names[mode]} ${(regrets[mode].at(-1) ?? 0).toFixed(0)}`).join(", ")}</title>`,
    `<rect width="${box.width}" height="${box.height}" fill="#ffffff"/>`,
    text({ x: box.left, y: 24, size: 15 }, `Clicks lost against always sending the best text (mean of ${runs} runs)`),
    ...ticksY.map(
      (clicks) =>
        `<line x1="${box.left}" x2="${x(sends).toFixed(1)}" y1="${y(clicks).toFixed(1)}" y2="${y(clicks).toFixed(1)}" stroke="#d4d4d8"/>${text({ x: box.left - 8, y: y(clicks) + 4, anchor: "end" }, clicks.toFixed(0))}`,
    ),
    ...ticksX.map((send) =>
      text({ x: x(send), y: box.height - box.bottom + 20, anchor: "middle" }, send.toLocaleString("en")),
    ),
    text({ x: x(sends / 2), y: box.height - 10, anchor: "middle" }, "sends, one reader each"),
    ...selectionModes.map(
      (mode) =>
        `<polyline fill="none" ${strokes[mode]} points="${line(mode)}"/>${text({ x: x(sends) + 8, y: places.get(mode) ?? 0 }, `${names[mode]}: ${(regrets[mode].at(-1) ?? 0).toFixed(0)}`)}`,
    ),
    "</svg>\n",
  ].join("\n");
}

const regrets = meanRegrets(sends, runs);
console.log(
  `${arms.length} texts with click rates from ${Math.min(...arms.map(({ rate }) => rate)) * 100} to ${Math.max(...arms.map(({ rate }) => rate)) * 100} %`,
);
for (const mode of selectionModes)
  console.log(
    `${names[mode].padEnd(24)} ${(regrets[mode].at(-1) ?? 0).toFixed(0).padStart(5)} clicks lost after ${sends} sends`,
  );
await writeFile(values.out, draw(regrets));
console.log(`drawn in ${values.out}`);
