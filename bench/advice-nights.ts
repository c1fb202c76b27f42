import { findOpportunities, identityOf } from "../rules/intelligence/find-opportunities.ts";
import { AdviceWorld, type WorldSettings } from "./advice-world.ts";

export interface Outcome {
  /** Parts that were tested on the last night. */
  tested: number;
  /** How many different ones were ever listed. */
  listed: number;
  /** Planted ones that were ever above the floors. */
  eligible: string[];
  /** Of these, what was listed. */
  found: string[];
  /** What was listed and is nothing but chance. */
  chance: string[];
}

/** Searches night after night, as the schedule does, and holds what was ever listed against the truth. */
export function followAdvice(seed: string, settings: WorldSettings): Outcome {
  const world = new AdviceWorld(seed, settings);
  const looks = new Map<string, number>();
  const eligible = new Set<string>();
  const listed = new Map<string, boolean>();
  let tested = 0;
  for (let night = 0; night < settings.nights; night += 1) {
    const { tests, found } = findOpportunities(world.window(night), (identity) => looks.get(identityOf(identity)) ?? 0);
    tested = tests.length;
    for (const test of tests) {
      const name = identityOf(test);
      looks.set(name, test.looks);
      if (world.planted.has(name)) eligible.add(name);
    }
    for (const one of found) listed.set(identityOf(one), world.isTrue(one));
  }
  return {
    tested,
    listed: listed.size,
    eligible: [...eligible],
    found: [...eligible].filter((name) => listed.has(name)),
    chance: [...listed].filter(([, isTrue]) => !isTrue).map(([name]) => name),
  };
}
