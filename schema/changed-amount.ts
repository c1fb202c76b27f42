const amounts = ["cost", "payout", "revenue"];

/** By what a row's first amount changed, as an index of the restatements has it; null where it has none. `row` is `r.`, or nothing. */
export function changedAmount(row: string): string {
  const isThere = (side: "old" | "new", name: string) => `jsonb_typeof(${row}${side} -> '${name}') = 'number'`;
  const amount = (side: "old" | "new", name: string) =>
    `case when ${isThere(side, name)} then (${row}${side} -> '${name}')::numeric else 0 end`;
  const changes = amounts.map(
    (name) =>
      `when ${isThere("new", name)} or ${isThere("old", name)} then ${amount("new", name)} - ${amount("old", name)}`,
  );
  return `(case ${changes.join(" ")} end)`;
}
