import type { ComponentChildren } from "preact";
import { ticksFor } from "./charts.tsx";

export interface BridgeStep {
  label: string;
  amount: number;
  text: string;
}

interface BridgeProps {
  id: string;
  /** What there is to see, as a sentence. */
  finding: ComponentChildren;
  before: BridgeStep;
  /** What lies between both ends, in its order; each begins where the one before it ended. */
  steps: readonly BridgeStep[];
  after: BridgeStep;
  axisText: (value: number) => string;
}

const size = { width: 760, height: 260, left: 62, right: 8, top: 18, bottom: 26 };

/** From one figure to another in steps: bars that hang where the last one ended. The figures are in the table beneath. */
export function Bridge({ id, finding, before, steps, after, axisText }: BridgeProps) {
  let at = before.amount;
  const bars = [
    { ...before, from: 0, to: before.amount, kind: "end" },
    ...steps.map((step) => {
      const from = at;
      at += step.amount;
      return { ...step, from, to: at, kind: step.amount < 0 ? "fall" : "rise" };
    }),
    { ...after, from: 0, to: after.amount, kind: "end" },
  ];
  const ticks = ticksFor(Math.min(0, ...bars.map(({ to }) => to)), Math.max(0, ...bars.map(({ to }) => to)));
  const [low = 0, high = 1] = [ticks[0], ticks.at(-1)];
  const y = (value: number) =>
    size.top + (1 - (value - low) / (high - low || 1)) * (size.height - size.top - size.bottom);
  const step = (size.width - size.left - size.right) / bars.length;
  const x = (index: number) => size.left + index * step;
  return (
    <figure class="bridge">
      <figcaption id={`${id}-finding`}>{finding}</figcaption>
      <svg class="chart" viewBox={`0 0 ${size.width} ${size.height}`} role="img" aria-labelledby={`${id}-finding`}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line
              class={tick === 0 ? "axis" : "grid"}
              x1={size.left}
              x2={size.width - size.right}
              y1={y(tick)}
              y2={y(tick)}
            />
            <text x={size.left - 8} y={y(tick) + 4} text-anchor="end">
              {axisText(tick)}
            </text>
          </g>
        ))}
        {bars.map(({ label, text, from, to, kind }, index) => (
          <g key={label}>
            <rect
              class={`bar ${kind}`}
              x={x(index) + step * 0.15}
              width={step * 0.7}
              y={Math.min(y(from), y(to))}
              height={Math.max(1, Math.abs(y(from) - y(to)))}
            />
            {index === bars.length - 1 ? null : (
              <line class="axis" x1={x(index) + step * 0.85} x2={x(index + 1) + step * 0.15} y1={y(to)} y2={y(to)} />
            )}
            <text class={kind} x={x(index) + step / 2} y={Math.min(y(from), y(to)) - 5} text-anchor="middle">
              {text}
            </text>
            <text class={kind} x={x(index) + step / 2} y={size.height - 8} text-anchor="middle">
              {label}
            </text>
          </g>
        ))}
      </svg>
    </figure>
  );
}
