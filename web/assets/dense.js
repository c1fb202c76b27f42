// @ts-check
// A chart of many points is drawn again by uPlot, from the table beneath it: whoever points at it sees the day and its
// figures. Without this script the chart stays as the server drew it.

/** @param {SVGElement | null} element @param {"stroke" | "fill"} property */
const colorOf = (element, property) => (element === null ? "#888" : getComputedStyle(element)[property]);

/** The names of the lines, what each point is called, and what is known of it. @param {HTMLTableElement} table */
function readTable(table) {
  const rows = [...table.tBodies[0].rows];
  const names = [...(table.tHead?.rows[0].cells ?? [])].slice(1).map((cell) => cell.textContent ?? "");
  const labels = rows.map((row) => row.cells[0].textContent ?? "");
  const lines = names.map((_, line) => rows.map((row) => row.cells[line + 1]));
  return {
    ...{ names, labels },
    texts: lines.map((cells) => cells.map((cell) => cell.textContent ?? "")),
    values: lines.map((cells) => cells.map(({ dataset: { value = "" } }) => (value === "" ? null : Number(value)))),
  };
}

/** A tick is written as the figures are: $1,500, 2.5 %. @param {string} sample */
function writtenLike(sample) {
  const [, before = "", after = ""] = /^([^\d−-]*)[\d.,−-]+(.*)$/.exec(sample) ?? [];
  return (/** @type {number} */ value) => `${before}${value.toLocaleString("en-US")}${after}`;
}

/** @param {HTMLElement} figure */
function draw(figure) {
  const svg = figure.querySelector("svg.chart[role=img]");
  const table = figure.querySelector("table");
  if (svg === null || table === null) return;
  const { names, labels, texts, values } = readTable(table);
  const quiet = colorOf(svg.querySelector("text"), "fill");
  const grid = { stroke: colorOf(svg.querySelector("line.grid"), "stroke"), width: 1 };
  const tick = writtenLike(texts.flat().find((text) => /\d/.test(text)) ?? "");
  const font = "12px system-ui, sans-serif";
  const holder = document.createElement("div");
  holder.className = "dense";
  // The same is said by the table: what points at it needs eyes.
  holder.setAttribute("aria-hidden", "true");
  svg.before(holder);
  const size = () => ({ width: holder.clientWidth, height: holder.clientWidth < 500 ? 200 : 260 });
  const plot = new /** @type {any} */ (globalThis).uPlot(
    {
      ...size(),
      scales: {
        x: { time: false },
        y: {
          range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => [
            Math.min(0, low),
            high * 1.05 || 1,
          ],
        },
      },
      axes: [
        {
          ...{ stroke: quiet, grid: { show: false }, ticks: { show: false }, font, space: 90 },
          incrs: [1, 2, 7, 14, 30, 60, 90, 180],
          values: (/** @type {any} */ _, /** @type {number[]} */ places) => places.map((place) => labels[place] ?? ""),
        },
        {
          ...{ stroke: quiet, grid, ticks: { show: false }, font, size: 70 },
          values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(tick),
        },
      ],
      series: [
        {
          label: table.tHead?.rows[0].cells[0].textContent ?? "",
          value: (/** @type {any} */ _, /** @type {number | null} */ place) => (place === null ? "–" : labels[place]),
        },
        ...names.map((label, line) => ({
          ...{
            label,
            width: 2,
            points: { show: false },
            stroke: colorOf(svg.querySelector(`path.s${line + 1}`), "stroke"),
          },
          value: (
            /** @type {any} */ _,
            /** @type {any} */ _value,
            /** @type {any} */ _series,
            /** @type {number | null} */ place,
          ) => (place === null ? "–" : texts[line][place]),
        })),
      ],
      padding: [8, 28, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { size: 8 } },
    },
    [labels.map((_, place) => place), ...values],
    holder,
  );
  svg.setAttribute("hidden", "");
  const resized = new ResizeObserver(() => {
    plot.setSize(size());
    // Before anybody points: the last day of which something is known.
    plot.setLegend({ idx: values[0].findLastIndex((value) => value !== null) });
  });
  resized.observe(holder);
  // Another scheme has other colours.
  matchMedia("(prefers-color-scheme: dark)").addEventListener(
    "change",
    () => {
      resized.disconnect();
      plot.destroy();
      holder.remove();
      svg.removeAttribute("hidden");
      draw(figure);
    },
    { once: true },
  );
}

for (const figure of document.querySelectorAll("figure[data-dense]")) draw(/** @type {HTMLElement} */ (figure));
