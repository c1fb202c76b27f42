const lineEveryMs = 10_000;

/** How far each area is. */
export interface Board {
  show: (area: string, text: string) => void;
  end: (area: string, text: string) => void;
}

/** On a terminal one line per area, rewritten in place; elsewhere a line now and then, and one when an area is done. */
export function createBoard(stream: NodeJS.WriteStream): Board {
  const shown = new Map<string, string>();
  const saidAt = new Map<string, number>();
  let drawn = 0;
  const draw = () => {
    const lines = [...shown].map(([area, text]) => `\x1b[2K${lineOf(area, text).slice(0, stream.columns - 1)}\n`);
    stream.write(`${drawn > 0 ? `\x1b[${drawn}A` : ""}${lines.join("")}`);
    drawn = lines.length;
  };
  const put = (area: string, text: string, isOver: boolean) => {
    if (shown.get(area) === text) return;
    shown.set(area, text);
    if (stream.isTTY) return draw();
    const isDue = Date.now() - (saidAt.get(area) ?? 0) >= lineEveryMs;
    if (!isOver && !isDue) return;
    saidAt.set(area, Date.now());
    stream.write(`${lineOf(area, text)}\n`);
  };
  return { show: (area, text) => put(area, text, false), end: (area, text) => put(area, text, true) };
}

const lineOf = (area: string, text: string) => `  ${area.padEnd(18)}${text}`;
