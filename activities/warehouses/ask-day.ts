import { setTimeout as wait } from "node:timers/promises";
import { sha256 } from "../../core/crypto.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import type { Vendor } from "../../connectors/source.ts";
import { writeDay, type DayFile } from "../../connectors/warehouses/day-file.ts";
import { resultsGone, type DayQuestion } from "../../connectors/warehouses/warehouse.ts";
import { runOf } from "../shared/run-of.ts";
import { gatedHttp, withVendor } from "../shared/with-vendor.ts";
import { refuseUnowned, type AskedFor, type WarehousesContext } from "./context.ts";

/** A partition or a page is held whole until it is written down. */
const limits = { maxBytes: 256 * 1024 * 1024 };
const cancelMs = 10_000;
/** Results that are gone are asked for again so often. */
const mostReadings = 3;

export interface AskedDay {
  file: DayFile;
  /** When the warehouse began to look. */
  askedAt: Date;
  /** Ends the work with files and with Postgres too. */
  signal: AbortSignal;
}

/** Works with a day as the warehouse answers it; the file goes with the work. */
export async function askForDay<Result>(
  context: WarehousesContext,
  of: AskedFor,
  work: (ask: () => Promise<AskedDay>, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { warehouse, account, day } = of;
  const progress = { page: 0, rows: 0 };
  const call = { vendor: warehouse.vendor as Vendor, account, place: `${warehouse.name} ${day}`, progress, limits };
  return withVendor(context, call, (http, signal) => {
    const { runId, attempt } = runOf();
    const onPage = (page: number, rows: number) => void Object.assign(progress, { page, rows });
    return askOf(context, of, { http, signal, attempt: { name: runId, isAgain: attempt > 1 }, onPage }, (ask) =>
      work(ask, signal),
    );
  });
}

/** The same outside any workflow, for commands. */
export function askForDayHere<Result>(
  context: WarehousesContext,
  of: AskedFor & { attempt: Attempt; signal: AbortSignal },
  work: (ask: () => Promise<AskedDay>) => Promise<Result>,
): Promise<Result> {
  const { warehouse, account, signal, attempt } = of;
  const http = gatedHttp(context, { vendor: warehouse.vendor as Vendor, account }, { signal, limits });
  return askOf(context, of, { http, signal, attempt, onPage: () => undefined }, work);
}

async function askOf<Result>(
  context: WarehousesContext,
  of: AskedFor,
  reading: Reading,
  work: (ask: () => Promise<AskedDay>) => Promise<Result>,
): Promise<Result> {
  refuseUnowned(context, of);
  let file: DayFile | undefined;
  try {
    return await work(async () => {
      const asked = await readDay(context, of, reading);
      file = asked.file;
      return { ...asked, signal: reading.signal };
    });
  } finally {
    await file?.discard();
  }
}

/** Names the job of a day, so that a further attempt finds it instead of paying for another. */
export interface Attempt {
  name: string;
  isAgain: boolean;
}

interface Reading {
  http: Http;
  signal: AbortSignal;
  attempt: Attempt;
  onPage: (page: number, rows: number) => void;
}

async function readDay(
  context: WarehousesContext,
  of: AskedFor,
  { http, signal, attempt, onPage }: Reading,
): Promise<Omit<AskedDay, "signal">> {
  const { warehouse, account, day, zone } = of;
  const { secrets } = account;
  if (secrets === null)
    throw new ConnectorError("unauthorized", `client ${account.client} has no key: set ${account.missing.join(", ")}`);
  let underWay: ((http: Http) => Promise<unknown>) | null = null;
  const question: Omit<DayQuestion, "generation"> = {
    http,
    account: { secrets, settings: account.settings },
    day,
    zone,
    ticket: sha256(`${account.name} ${day} ${attempt.name}`).slice(0, 32),
    isAgain: attempt.isAgain,
    now: () => new Date(),
    wait: (ms) => wait(ms, undefined, { signal }),
    onJob: (cancel) => (underWay = cancel),
  };
  let generation = 0;
  try {
    for (let reading = 1; ; reading += 1)
      try {
        const result = await warehouse.ask({ ...question, generation });
        generation = result.generation;
        return { file: await writeDay(result, { day, onPage }), askedAt: result.askedAt };
      } catch (error) {
        const isGone = error instanceof ConnectorError && error.code === resultsGone;
        if (!isGone || reading === mostReadings) throw error;
        generation += 1;
      }
  } finally {
    // Nobody waits for it any more, and it is paid by the second or the byte.
    if (signal.aborted && underWay !== null) await cancelJob(context, of, underWay);
  }
}

async function cancelJob(
  context: WarehousesContext,
  { warehouse, account }: AskedFor,
  cancel: (http: Http) => Promise<unknown>,
): Promise<void> {
  const signal = AbortSignal.timeout(cancelMs);
  const http = gatedHttp(context, { vendor: warehouse.vendor as Vendor, account }, { signal });
  // One that cannot be cancelled ends by the time limit that it was given.
  await cancel(http).catch(() => undefined);
}
