/** Of the lines that were wrong, those that the reason for a refusal does not name already: it is said once. */
export function besideReason<Line extends { reason: string }>(reason: string | null, lines: readonly Line[]): Line[] {
  return lines.filter((line) => reason?.includes(line.reason) !== true);
}
