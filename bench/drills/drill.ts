/** What came of a drill: it held, it did not, or this machine could not do it, which never counts as held. */
export type State = "held" | "broken" | "not run";

export interface Finding {
  state: State;
  /** The figures, in a line. */
  seen: string;
}

export interface DrillSetup {
  /** From 0 up to 1, the same after the same seed. */
  random: () => number;
  /** How many kills the drill of kills makes. */
  kills: number;
  /** Says how far it is, apart from the table. */
  say: (line: string) => void;
}

export interface Drill {
  /** The fault's number in docs/drills.md; a drill can cover several. */
  rows: readonly number[];
  name: string;
  /** What is done to the system. */
  done: string;
  expected: string;
  /** Seconds rather than minutes: part of every check of a change. */
  isShort?: boolean;
  run: (setup: DrillSetup) => Promise<Finding>;
}

export function finding(holds: boolean, seen: string): Finding {
  return { state: holds ? "held" : "broken", seen };
}

export function notRun(why: string): Finding {
  return { state: "not run", seen: why };
}
