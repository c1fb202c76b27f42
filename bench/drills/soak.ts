import { runSoak } from "../soak/soak.ts";
import type { Drill } from "./drill.ts";

const minutes = 5;
const killEverySeconds = 30;

export const soak: Drill = {
  rows: [],
  name: "soak",
  done: `for ${minutes} minutes schedules a hundred times as often, files, claims, conversions, events and page views at once, with a part killed every ${killEverySeconds} s`,
  expected: "nothing lost or counted twice; memory, disk and the slowest answers as at the beginning",
  run: (setup) => runSoak({ minutes, killEverySeconds }, setup),
};
