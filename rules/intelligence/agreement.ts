/** How far two ways to group the same things agree, over all pairs of things. */
export interface Agreement {
  /** Of the pairs put together, those that belong together; and the other way round. */
  precision: number;
  recall: number;
  f1: number;
  /** Hubert and Arabie's: 1 is the same grouping, 0 what chance gives. */
  adjustedRand: number;
}

export function agreement(made: readonly string[], labels: readonly string[]): Agreement {
  if (made.length !== labels.length) throw new RangeError(`${made.length} things cannot have ${labels.length} labels`);
  const both = pairs(made.map((group, index) => `${group.length}:${group}${labels[index]}`));
  const [together, belonging] = [pairs(made), pairs(labels)];
  const all = (made.length * (made.length - 1)) / 2;
  const precision = together === 0 ? 1 : both / together;
  const recall = belonging === 0 ? 1 : both / belonging;
  const expected = all === 0 ? 0 : (together * belonging) / all;
  const most = (together + belonging) / 2;
  return {
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    adjustedRand: most === expected ? 1 : (both - expected) / (most - expected),
  };
}

/** Pairs of things with the same name. */
function pairs(names: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / 2, 0);
}
