import type { z } from "zod";
import type { Account } from "../../settings/config.ts";
import { ConnectorError } from "../errors.ts";
import type { Http } from "../http.ts";
import type { DailyFeed } from "../source.ts";

/** One cell as text; null where the warehouse has NULL. */
export type Cell = string | null;

/** One civil day to be asked of a warehouse. */
export interface DayQuestion {
  http: Http;
  account: Pick<Account, "settings"> & { secrets: Record<string, string> };
  day: string;
  /** Whose civil day it is. */
  zone: string;
  /** Names the job: an attempt that asks with the same one gets the job of the attempt before it, and pays for none. */
  ticket: string;
  /** Which of the ticket's jobs to begin with: the results of those before are gone. */
  generation: number;
  /** An earlier attempt may have asked already. */
  isAgain: boolean;
  now: () => Date;
  wait: (ms: number) => Promise<void>;
  /** A job is under way, and this is how it is cancelled; null when it is over. */
  onJob: (cancel: ((http: Http) => Promise<unknown>) | null) => void;
}

/** What a job came to. */
export interface DayResult {
  generation: number;
  /** When the warehouse began it, by its own clock: what the rows can be about at the latest. */
  askedAt: Date;
  /** In small letters. */
  columns: readonly string[];
  /** How many rows there are in all. */
  rows: number;
  pages: () => AsyncIterable<readonly (readonly Cell[])[]>;
}

/** A feed of performance rows that a query over a warehouse answers. */
export interface Warehouse extends DailyFeed {
  /** Finds out what the query costs, runs it if it may, and waits for it. */
  ask(question: DayQuestion): Promise<DayResult>;
}

/** Of results that the warehouse no longer keeps: the query has to be run again. */
export const resultsGone = "results_gone";

/** Further waits between looks at a job grow up to this. */
const longestWaitMs = 10_000;
const firstWaitMs = 500;

/** Looks at a job until it is over. Each look that finds it under way gives null. */
export async function untilOver<Over>(
  { wait }: Pick<DayQuestion, "wait">,
  look: () => Promise<Over | null>,
): Promise<Over> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    const over = await look();
    if (over !== null) return over;
    await wait(waitMs);
  }
}

/** A query over its cap is refused before it is run. */
export function refuseAbove({ estimate, cap, setting }: { estimate: bigint; cap: bigint; setting: string }): void {
  if (estimate <= cap) return;
  throw new ConnectorError(
    "rejected",
    `the query would read ${sized(estimate)} and ${setting} allows ${sized(cap)}: it was not run. Narrow it, or raise ${setting}`,
    { code: "cost_cap" },
  );
}

/** 10737418240 bytes (10.7 GB): exact, and as people say it. */
function sized(bytes: bigint): string {
  const units = ["kB", "MB", "GB", "TB", "PB"];
  const tenths = (unit: number) => (bytes * 10n) / 1_000n ** BigInt(unit);
  let unit = 0;
  while (unit < units.length && tenths(unit) >= 10_000n) unit += 1;
  if (unit === 0) return `${bytes} bytes`;
  const found = tenths(unit);
  return `${bytes} bytes (${found / 10n}.${found % 10n} ${units[unit - 1]})`;
}

/** An answer as its shape has it, or what is wrong with it. */
export function readAs<Shape extends z.ZodType>(shape: Shape, body: unknown, what: string): z.output<Shape> {
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ConnectorError("malformed", `${what}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`);
}
