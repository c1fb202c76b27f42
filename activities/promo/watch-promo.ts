import { addDays, dayAt } from "../../core/days.ts";
import { askLandingPage } from "../../connectors/landing-page.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { correctDays } from "../../queries/promo/books.ts";
import { readQuietCallers, readRates, type WatchedRates } from "../../queries/promo/watched-offers.ts";
import { judgeCtr, pastDays, recentDays } from "../../rules/promo/ctr-collapse.ts";
import { ctrOf } from "../../rules/promo/rate.ts";
import type { Database } from "../../schema/database.ts";

export interface WatchedPromo {
  client: string;
  zone: string;
  now: Date;
  checksLandingPages: boolean;
  /** Asks a landing page: its status, or null. */
  ask?: (url: string) => Promise<number | null>;
}

const area = "promo";
/** When landing pages were asked last: once a day is enough to know, and little enough not to be a nuisance. */
const askedOn = new Map<string, string>();

/** Alerts of offers: whose click rate has collapsed, whose landing page is gone; and whose callers are within their limit again. */
export async function watchPromo(database: Database, watched: WatchedPromo): Promise<void> {
  const { client, zone, now, checksLandingPages, ask = askLandingPage } = watched;
  const today = dayAt(now, zone);
  const split = addDays(today, -recentDays);
  const offers = await readRates(database, { client, from: addDays(split, -pastDays), split, to: today });
  for (const offer of offers) await watchRate(database, client, offer);
  for (const { subject } of await readQuietCallers(database, client))
    await settleAlerts(database, {
      client,
      area,
      kinds: ["events_refused"],
      subject,
      notes: "within the limit for an hour",
    });
  if (!checksLandingPages || askedOn.get(client) === today) return;
  askedOn.set(client, today);
  for (const offer of offers) await watchLandingPage(database, client, offer, ask);
}

async function watchRate(
  database: Database,
  client: string,
  { offerId, name, past, recent }: WatchedRates,
): Promise<void> {
  const alert = { client, area, subject: `offer ${offerId}` };
  const verdict = judgeCtr({ past, recent });
  if (verdict === "normal")
    await settleAlerts(database, { ...alert, kinds: ["ctr_collapse"], notes: "the click rate is back" });
  if (verdict !== "collapsed") return;
  await raiseAlert(database, {
    ...alert,
    kind: "ctr_collapse",
    severity: "warning",
    message: `${name}: ${ctrOf(recent)?.toFixed(2)} % of recipients clicked in the last ${recentDays} days, ${ctrOf(past)?.toFixed(2)} % in the ${pastDays} days before`,
    details: { offerId, past, recent },
  });
}

async function watchLandingPage(
  database: Database,
  client: string,
  { offerId, name, landingUrl }: WatchedRates,
  ask: (url: string) => Promise<number | null>,
): Promise<void> {
  const alert = { client, area, subject: `offer ${offerId}` };
  const status = landingUrl === null ? null : await ask(landingUrl);
  const isGone = status === 404 || status === 410;
  if (isGone)
    await raiseAlert(database, {
      ...alert,
      kind: "landing_page_gone",
      severity: "critical",
      message: `${name}: the landing page ${landingUrl} answers ${status}`,
      details: { offerId, landingUrl, status },
    });
  // One that does not answer now may be there tomorrow: it says nothing either way.
  else if (landingUrl === null || status !== null)
    await settleAlerts(database, {
      ...alert,
      kinds: ["landing_page_gone"],
      notes: "it answers, or is not asked any more",
    });
}

/** Sets days right whose row and events differ, and says so: counting itself writes both at once. */
export async function watchPromoBooks(database: Database): Promise<void> {
  const wrong = await correctDays(database);
  for (const client of new Set(wrong.map((one) => one.client))) {
    const days = wrong.filter((one) => one.client === client);
    await raiseAlert(database, {
      client,
      area,
      kind: "promo_books",
      subject: "daily figures",
      severity: "warning",
      message: `${days.length} days of promo figures differed from their events and were corrected; the counters of the variations were not`,
      details: { days: days.slice(0, 20) },
    });
  }
}
