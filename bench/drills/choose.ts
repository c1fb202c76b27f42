import type { Drill } from "./drill.ts";

/** The drills that are asked for, by a row's number or by name; without either, all. A word that is neither is an error. */
export function chooseDrills(all: readonly Drill[], wanted: readonly string[], onlyShort: boolean): Drill[] {
  const names = (drill: Drill) => [drill.name, ...drill.rows.map(String)];
  const unknown = wanted.filter((word) => !all.some((drill) => names(drill).includes(word)));
  if (unknown.length > 0) throw new Error(`no drill is called ${unknown.join(", ")}: npm run drill -- --list`);
  return all.filter(
    (drill) =>
      (wanted.length === 0 || wanted.some((word) => names(drill).includes(word))) &&
      (!onlyShort || drill.isShort === true),
  );
}
