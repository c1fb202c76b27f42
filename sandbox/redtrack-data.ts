import { apportion } from "./apportion.ts";
import { chance } from "./chance.ts";
import { dayNumber } from "./civil-day.ts";
import { microsFromCents } from "./decimal.ts";
import { knownDecemberDay } from "./redtrack-december.ts";
import { activeSources, spendRow, type SpendRow } from "./redtrack-rows.ts";
import { WIDE_CLIENT } from "./redtrack-sources.ts";

/** Nothing is known before it. */
export const FIRST_DAY = "2015-01-01";
const CACHED_ROWS = 200_000;
let cachedRows = 0;
const cache = new Map<string, readonly SpendRow[]>();

/** A day as it stands once it is over. */
export function completeDay(client: string, day: string): readonly SpendRow[] {
  const place = `${client}/${day}`;
  const known = cache.get(place);
  if (known !== undefined) return known;
  const rows = knownDecemberDay(client, day) ?? inventDay(client, day);
  cachedRows += rows.length;
  for (const [oldest, dropped] of cache) {
    if (cachedRows <= CACHED_ROWS) break;
    cache.delete(oldest);
    cachedRows -= dropped.length;
  }
  cache.set(place, rows);
  return rows;
}

function inventDay(client: string, day: string): SpendRow[] {
  const draw = (...what: readonly (string | number)[]) => chance("redtrack", client, day, ...what);
  const active = activeSources(client, day, sourcesOn(client, draw("count")));
  const costs = apportion(
    budgetCents(client, day),
    active.map((source) => source.weight * (0.6 + 0.8 * draw("cost", source.id))),
    1,
  );
  const clickWeights = costs.map((cents, index) => cents * (0.7 + 0.6 * draw("clicks", index)));
  const clicks = apportion(Math.floor(costs.reduce((sum, cents) => sum + cents) / 120), clickWeights, 1);
  const conversions = apportion(
    Math.floor(clicks.reduce((sum, count) => sum + count) * 0.018),
    clicks.map((count, index) => count * (0.5 + draw("conversions", index))),
  );
  const rows = active.map((source, index) =>
    spendRow(client, day, source, {
      // Some amounts have half a cent: a cost per click of three places, summed.
      costMicros: microsFromCents(costs[index] ?? 0) + (draw("half a cent", source.id) < 0.12 ? 5_000n : 0n),
      clicks: clicks[index] ?? 0,
      conversions: conversions[index] ?? 0,
    }),
  );
  if (draw("direct") < 0.1) rows.push(directTraffic(client, day));
  return rows;
}

/** Traffic that RedTrack cannot attribute has no source id, and sometimes a cost all the same. */
function directTraffic(client: string, day: string): SpendRow {
  const clicks = 5 + Math.floor(chance("redtrack", client, day, "direct", "clicks") * 60);
  const source = { id: "", name: "", alias: "" };
  return spendRow(client, day, source, { costMicros: microsFromCents(clicks * 37), clicks, conversions: clicks % 3 });
}

function sourcesOn(client: string, draw: number): number {
  return client === WIDE_CLIENT ? 2_200 + Math.floor(draw * 101) : 12 + Math.floor(draw * 7);
}

function budgetCents(client: string, day: string): number {
  const scale = client === "713" ? 1 : 0.3 + 1.2 * chance("redtrack", client, "scale");
  const weekday = (dayNumber(day) + 4) % 7;
  const week = weekday === 0 || weekday === 6 ? 0.8 : 1;
  return Math.floor(1_150_000 * scale * week * (0.75 + 0.5 * chance("redtrack", client, day, "budget")));
}
