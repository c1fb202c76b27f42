import { messageOf } from "../shared/failures.ts";
import { accountOrigin } from "../shared/account-origin.ts";
import { adviceArea, searchArea } from "./advice.ts";
import { alerts } from "./alerts.ts";
import { anytrack } from "./anytrack.ts";
import type { Board } from "./board.ts";
import { deliveries } from "./deliveries.ts";
import { notOfSandbox, openDemo, type Area, type Demo, type DemoContext } from "./demo.ts";
import { everflow } from "./everflow.ts";
import { campaignsArea, creativesArea, files, reportsArea } from "./files.ts";
import { findings } from "./findings.ts";
import { plansArea } from "./plans.ts";
import { promo } from "./promo.ts";
import { questionsArea } from "./questions.ts";
import { reconciliation } from "./reconciliation.ts";
import { spend } from "./spend.ts";
import { statements } from "./statements.ts";
import { tieOut } from "./tie-out.ts";

/** What a demo fills: each row of areas one after the other, all rows at the same time, then what comes last. */
export interface DemoPlan {
  side: readonly (readonly Area[])[];
  last: readonly Area[];
}

const everything: DemoPlan = {
  side: [
    [spend],
    [everflow],
    // Some of AnyTrack's conversions came of promo clicks.
    [anytrack, deliveries, promo],
    [creativesArea, adviceArea, files, reportsArea, plansArea, campaignsArea, searchArea, questionsArea],
    [reconciliation],
  ],
  // Claims hold money of conversions, and findings compare vendors: after all of them.
  last: [statements, findings, tieOut, alerts],
};
export const adviceAlone: DemoPlan = {
  side: [[creativesArea, adviceArea, files, reportsArea, campaignsArea, searchArea, questionsArea]],
  last: [],
};
export const creativesAlone: DemoPlan = { side: [[creativesArea, files, reportsArea, campaignsArea]], last: [] };

export interface FilledArea {
  area: string;
  rows: number;
  /** Of them, those that there were not before. */
  added: number;
  seconds: number;
  /** Why it was left out, or what went wrong. */
  note: string | null;
  failed: boolean;
}

type Filled = Omit<FilledArea, "rows" | "added">;

/** Fills a running stack with believable data of the last days, through the same paths as everything else. */
export async function fillDemo(
  context: DemoContext,
  of: { client: string; days: number; now: Date; board: Board; hasOwnHook: boolean },
  { side, last }: DemoPlan = everything,
): Promise<FilledArea[]> {
  const areas = [...side.flat(), ...last];
  const demo = await openDemo(context, of);
  const restore = await liftLimits(demo);
  try {
    const before = await countAll(demo, areas);
    const turn = async (row: readonly Area[]) => inTurn(demo, row, of.board);
    const filled = await Promise.all(side.map(turn));
    const all = [...filled.flat(), ...(await turn(last))];
    // Three months came in a minute: whoever asks at once is answered by plans that know so.
    await (await context.database()).query("analyze");
    // What one area has added may count for another: late conversions come with the deliveries.
    const after = await countAll(demo, areas);
    return all.map((one) => {
      const rows = after.get(one.area) ?? 0;
      return { ...one, rows, added: rows - (before.get(one.area) ?? 0) };
    });
  } finally {
    await restore();
  }
}

/** How many rows each area has. */
async function countAll(demo: Demo, areas: readonly Area[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const area of areas) counts.set(area.name, await countRows(demo, area));
  return counts;
}

async function inTurn(demo: Demo, areas: readonly Area[], board: Board): Promise<Filled[]> {
  const filled: Filled[] = [];
  for (const area of areas) filled.push(await fillArea(demo, area, board));
  return filled;
}

async function fillArea(demo: Demo, area: Area, board: Board): Promise<Filled> {
  const started = performance.now();
  let note = whyLeftOut(demo, area);
  let failed = false;
  if (note === null) {
    board.show(area.name, "started");
    try {
      await area.fill(demo, (text) => board.show(area.name, text));
    } catch (error) {
      failed = true;
      note = messageOf(error);
    }
  }
  const rows = await countRows(demo, area);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const state = failed ? `failed: ${note}` : note === null ? "done" : `left out: ${note}`;
  board.end(area.name, `${state}, ${rows} rows, ${seconds} s`);
  return { area: area.name, seconds, note, failed };
}

/** What a real account has, made-up data must not join. */
function whyLeftOut(demo: Demo, { vendors, joinsNoReal, needsHook }: Area): string | null {
  const others = notOfSandbox(demo, vendors);
  if (others.length > 0) return others.join(", ");
  const { config } = demo.context;
  const real = [...config.accounts.values()].filter(
    (account) => account.client === demo.client && accountOrigin(account) === "real",
  );
  if (joinsNoReal === true && real.length > 0) return `${real.map(({ vendor }) => vendor).join(", ")} is real`;
  if (needsHook !== true) return null;
  if (!demo.hasOwnHook) return "AnyTrack's webhook is not the stack's own";
  return config.anytrack.webhookSecrets.has(demo.client) ? null : "the client has no webhook for AnyTrack";
}

async function countRows({ context, client, days }: Demo, { counted }: Area): Promise<number> {
  const { rows } = await (await context.database()).query<{ rows: number }>(counted, [client, days[0], days.at(-1)]);
  return rows[0]?.rows ?? 0;
}

type Limits = Record<string, number | boolean | null>;
const none = { perMinute: null, perSecond: null, perTenSeconds: null, countTwice: false, concurrent: null };

/** The mock vendors keep the real ones' limits, which make three months take a quarter of an hour; they are lifted for as long as this takes. */
async function liftLimits({ stack }: Demo): Promise<() => Promise<void>> {
  const before = await stack.sandbox<Record<string, Limits>>("GET", "/limits");
  const set = async (limits: (vendor: string) => Limits) => {
    for (const vendor of Object.keys(before)) await stack.sandbox("PUT", "/limits", { vendor, ...limits(vendor) });
  };
  const restore = () => set((vendor) => before[vendor] ?? {});
  const interrupted = () => void restore().finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  await set(() => none);
  return async () => {
    process.off("SIGINT", interrupted);
    await restore();
  };
}
