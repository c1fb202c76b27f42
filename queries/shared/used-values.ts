/** A statement with the values that it came to name, by new numbers: Postgres refuses one that is given others. */
export function usedValues(text: string, values: readonly unknown[]): { text: string; values: unknown[] } {
  const used = new Map<string, number>();
  const renumbered = text.replaceAll(/\$\d+/g, (name) => {
    const place = used.get(name) ?? used.size + 1;
    used.set(name, place);
    return `$${place}`;
  });
  return { text: renumbered, values: [...used.keys()].map((name) => values[Number(name.slice(1)) - 1]) };
}
