import { activityInfo, metricMeter } from "@temporalio/activity";
import { z } from "zod";
import { assertNever } from "../../core/assert-never.ts";
import { settingName, type Account, type Config } from "../../settings/config.ts";
import { addDays, dayAt, endOfDay, startOfDay } from "../../core/days.ts";
import { typedDay, typedFlag, typedId, typedText } from "../../core/typed.ts";
import { presentAt } from "../../core/present.ts";
import type { Redact } from "../../core/redact.ts";
import { checkHubspotProperty, mostDeals, sendToHubspot } from "../../connectors/destinations/hubspot.ts";
import {
  metaAgeLimitMs,
  metaEventName,
  metaRepeatMs,
  mostMetaEvents,
  sendToMeta,
} from "../../connectors/destinations/meta-capi.ts";
import type { Settled } from "../../connectors/destinations/outgoing.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import { destinations } from "../../connectors/registry.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import {
  ageDeliveries,
  claimBatch,
  countFailed,
  countRedelivery,
  holdDeliveries,
  readNewConversions,
  readWaiting,
  recordConversions,
  reopenDeliveries,
  returnBatch,
  settleDeliveries,
  type Claimed,
  type Ledger,
  type RedeliveryCounts,
  type RedeliveryRange,
} from "../../queries/conversions/deliveries.ts";
import { forgetExpiredIdentities, readIdentities } from "../../queries/conversions/delivery-identities.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import type { Database } from "../../schema/database.ts";
import { guardedBy, invalidInput } from "../shared/failures.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { withVendor } from "../shared/with-vendor.ts";

export interface DeliverDependencies {
  database: Database;
  config: Config;
  gate: RateGate;
  redact: Redact;
}

type Destination = "meta" | "hubspot";

/** What a person types to send what is new. Everything that is configured when left out. */
export interface DeliverInput {
  client?: string | undefined;
  destination?: string | undefined;
}

/** What a person types to send a range of days again: what was refused, held or never sent. */
export interface RedeliverInput {
  destination: string;
  from: string;
  to: string;
  client?: string;
  /** Only tell what would be sent. */
  dryRun?: boolean;
  /** Also what was delivered, as long as the destination still tells a repeat. */
  includeDelivered?: boolean;
}

export interface DeliveryTarget {
  client: string;
  destination: string;
  waiting: number;
  /** Became too old without being sent. */
  expired?: number;
  heldUntil: string | null;
}

export interface SendBatchInput {
  client: string;
  destination: string;
  /** Names the batch; the same claim takes up the same conversions. */
  claim: string;
}

export interface BatchResult {
  taken: number;
  delivered: number;
  failed: number;
  expired: number;
  /** The first of those that were refused. */
  refused: string[];
  /** The destination takes nothing more until then. */
  heldUntil: string | null;
  /** There may be more to send. */
  more: boolean;
}

export interface RedeliveryPlan {
  client: string;
  destination: string;
  counts: RedeliveryCounts[];
}

/** Ranges are civil days of this zone, as everywhere. */
const timezone = "America/New_York";
/** Recorded per statement, and per run: the rest comes with the next. */
const recordedAtATime = 5_000;
const mostRecorded = 200_000;
const mostNamed = 20;

const batchSizes: Record<Destination, number> = { meta: mostMetaEvents, hubspot: mostDeals };

/** What each destination's own rules make of age: a HubSpot deal may be of any, and is told by its key for ever. */
const ageRules: Record<Destination, { ageMs: number | null; repeatMs: number | null }> = {
  meta: { ageMs: metaAgeLimitMs, repeatMs: metaRepeatMs },
  hubspot: { ageMs: null, repeatMs: null },
};

/** The activities of a delivery: what is new, one batch at a time, and the ledger in step with what the destination said. */
export function createDeliverActivities({ database, config, gate, redact }: DeliverDependencies) {
  const guarded = guardedBy(redact);
  return {
    /** Takes new conversions into the ledger and says where something waits. */
    async planDeliveries(input: DeliverInput): Promise<DeliveryTarget[]> {
      return guarded("deliveries", async () => {
        const typed = checkedInput(
          z.strictObject({ client: typedId.optional(), destination: typedText.optional() }),
          input,
        );
        await forgetExpiredIdentities(database);
        const targets: DeliveryTarget[] = [];
        for (const account of accountsOf(typed)) {
          const ledger = ledgerOf(account);
          const now = await nowAt(account);
          const since = new Date(now.getTime() - config.deliveryLookbackDays * 86_400_000);
          await recordNew(ledger, { from: since, to: null });
          const { expired } = await ageDeliveries(database, ledger, { now, ...ageRules[ledger.destination] });
          countDeliveries(ledger, "expired", expired);
          const { waiting, heldUntil } = await readWaiting(database, ledger);
          // Closed until midnight: what came since waits with the rest, without a request to hear so again.
          if (heldUntil !== null)
            await holdDeliveries(database, ledger, {
              until: heldUntil,
              answer: "not sent: the daily limit is used up",
            });
          targets.push({
            ...ledger,
            waiting: heldUntil === null ? waiting : 0,
            expired,
            heldUntil: heldUntil?.toISOString() ?? null,
          });
        }
        return targets;
      });
    },

    /** Looks at what has to be there before anything is sent. */
    async checkDestination({ client, destination }: Ledger): Promise<void> {
      const account = accountOf(client, destination);
      const { destination: name } = ledgerOf(account);
      if (name !== "hubspot") return;
      await withDestination(account, (http) => checkHubspotProperty({ http, ...keysOf(account) }));
    },

    /** Sends one batch and writes down what became of each conversion, as soon as it is known. */
    async sendBatch({ client, destination, claim }: SendBatchInput): Promise<BatchResult> {
      const account = accountOf(client, destination);
      const ledger = ledgerOf(account);
      const limit = batchSizes[ledger.destination];
      return withDestination(account, async (http) => {
        const claimed = await claimBatch(database, ledger, { claim, limit });
        const result: BatchResult = {
          taken: claimed.length,
          delivered: 0,
          failed: 0,
          expired: 0,
          refused: [],
          heldUntil: null,
          more: claimed.length === limit || activityInfo().attempt > 1,
        };
        const onSettled = async (settled: Settled[]) => {
          const clean = settled.map((one) => ({ ...one, answer: redact(one.answer) }));
          await settleDeliveries(database, ledger, clean, { forgetPersons: ledger.destination === "meta" });
          for (const { conversionKey, state } of settled) {
            result[state] += 1;
            if (state === "failed" && result.refused.length < mostNamed) result.refused.push(conversionKey);
          }
          for (const state of ["delivered", "failed", "expired"] as const)
            countDeliveries(ledger, state, settled.filter((one) => one.state === state).length);
        };
        try {
          await send(account, ledger, { http, claimed, onSettled });
        } catch (error) {
          if (!(error instanceof ConnectorError) || !isDefinite(error)) throw error;
          // A clear no: nothing of what is left has arrived, but for what an earlier attempt may have sent.
          const certain = claimed.filter(({ uncertain }) => !uncertain).map(({ conversionKey }) => conversionKey);
          await returnBatch(database, ledger, { claim, certain, answer: redact(error.message) });
          if (error.kind !== "quota_spent") throw error;
          result.heldUntil = (await holdUntilMidnight(account, ledger, error)).toISOString();
          result.more = false;
        }
        if (result.failed > 0) await tellOfRefusals(ledger, result.refused);
        if (result.delivered > 0) {
          const mended = (await countFailed(database, ledger)) === 0 ? ["delivery_refused"] : [];
          await settleAlerts(database, {
            ...alertOf(ledger),
            kinds: ["delivery_blocked", "delivery_held", ...mended],
            notes: "conversions are delivered again",
          });
        }
        return result;
      });
    },

    /** Tells people of a destination that cannot be delivered to: once, not every ten minutes. */
    async noteBlocked({ client, destination, type, reason }: Ledger & { type: string; reason: string }): Promise<void> {
      await guarded(`deliveries to ${destination}`, async () => {
        await raiseAlert(database, {
          ...alertOf({ client, destination }),
          kind: "delivery_blocked",
          severity: type === "CredentialsRejected" ? "critical" : "warning",
          message: redact(reason),
          details: { type },
        });
      });
    },

    /** What a redelivery would send; without a dry run, makes it pending. */
    async planRedelivery(input: RedeliverInput): Promise<RedeliveryPlan> {
      return guarded("redelivery", async () => {
        const shape = z.strictObject({
          destination: typedText,
          from: typedDay,
          to: typedDay,
          client: typedId.optional(),
          dryRun: typedFlag.optional(),
          includeDelivered: typedFlag.optional(),
        });
        const { destination, from, to, client, dryRun, includeDelivered } = checkedInput(shape, input);
        if (from > to) throw invalidInput(`from ${from} is after to ${to}`);
        const account = accountOf(client ?? config.clients[0] ?? "", destination);
        const ledger = ledgerOf(account);
        const range: RedeliveryRange = {
          from: startOfDay(from, timezone),
          to: endOfDay(to, timezone),
          includeDelivered: includeDelivered === true,
          now: await nowAt(account),
          ...ageRules[ledger.destination],
        };
        const counts = await countRedelivery(database, ledger, range);
        if (dryRun !== true) {
          await reopenDeliveries(database, ledger, range);
          await recordNew(ledger, range);
          await ageDeliveries(database, ledger, range);
        }
        return { ...ledger, counts };
      });
    },
  };

  /** Every configured account that the input means. */
  function accountsOf({ client, destination }: DeliverInput): Account[] {
    if (client !== undefined) clientNamed(config, client);
    if (destination !== undefined && client !== undefined) return [accountOf(client, destination)];
    if (destination !== undefined) destinationNamed(destination);
    return [...config.accounts.values()].filter(
      (account) =>
        account.secrets !== null &&
        destinations.some(({ name }) => name === account.vendor) &&
        (client === undefined || account.client === client) &&
        (destination === undefined || account.vendor === destination),
    );
  }

  function accountOf(client: string, destination: string): Account {
    destinationNamed(destination);
    const account = config.accounts.get(`${destination}/${client}`);
    if (account === undefined)
      throw invalidInput(`unknown client "${client}": there are ${config.clients.join(", ")} (the setting CLIENTS)`);
    if (account.secrets === null)
      throw invalidInput(`client ${client} has no ${destination}: set ${account.missing.join(", ")}`);
    return account;
  }

  /** The destination's present. Only a stand-in's can be another than ours. */
  async function nowAt({ vendor, settings }: Account): Promise<Date> {
    return presentAt(settings[settingName(vendor, "CLOCK")], await databaseNow(database));
  }

  async function recordNew(ledger: Ledger, range: { from: Date; to: Date | null }): Promise<void> {
    for (let recorded = 0; recorded < mostRecorded; recorded += recordedAtATime) {
      const fresh = await readNewConversions(database, ledger, { ...range, limit: recordedAtATime });
      if (fresh.length > 0) {
        const named = fresh.map((one) => ({
          ...one,
          eventName: ledger.destination === "meta" ? metaEventName(one.eventName) : one.eventName,
        }));
        await recordConversions(database, ledger, named);
      }
      if (fresh.length < recordedAtATime) return;
    }
  }

  async function send(
    account: Account,
    ledger: Ledger & { destination: Destination },
    { http, claimed, onSettled }: { http: Http; claimed: Claimed[]; onSettled: (settled: Settled[]) => Promise<void> },
  ): Promise<void> {
    const gone = claimed.filter(({ deliverable }) => !deliverable);
    if (gone.length > 0)
      await onSettled(
        gone.map(({ conversionKey }) => ({
          conversionKey,
          state: "failed",
          answer: "not sent: its feed no longer has it as approved",
        })),
      );
    const conversions = claimed.filter(({ deliverable }) => deliverable);
    if (conversions.length === 0) return;
    switch (ledger.destination) {
      case "meta": {
        // In the clear in here only, and only for as long as the request takes.
        const identities = await readIdentities(database, config.identityKey, ledger.client, conversions);
        return sendToMeta({
          http,
          ...keysOf(account),
          now: await nowAt(account),
          conversions: conversions.map((conversion) => ({
            conversion,
            identity: identities.get(conversion.conversionKey) ?? null,
          })),
          onSettled,
        });
      }
      case "hubspot":
        return sendToHubspot({ http, ...keysOf(account), conversions, onSettled });
      default:
        return assertNever(ledger.destination);
    }
  }

  async function holdUntilMidnight(account: Account, ledger: Ledger, error: ConnectorError): Promise<Date> {
    const zone = account.settings["HUBSPOT_TIMEZONE"] ?? "UTC";
    const until = startOfDay(addDays(dayAt(await databaseNow(database), zone), 1), zone);
    const held = await holdDeliveries(database, ledger, { until, answer: redact(error.message) });
    await raiseAlert(database, {
      ...alertOf(ledger),
      kind: "delivery_held",
      severity: "warning",
      message: `${ledger.destination}: the daily limit is used up; ${held} conversions wait until ${until.toISOString()}`,
      details: { held, until },
    });
    return until;
  }

  async function tellOfRefusals(ledger: Ledger, refused: string[]): Promise<void> {
    const failed = await countFailed(database, ledger);
    await raiseAlert(database, {
      ...alertOf(ledger),
      kind: "delivery_refused",
      severity: "warning",
      message: `${ledger.destination} did not take ${failed} conversions, the latest of them ${refused.slice(0, 5).join(", ")}: ops.deliveries.last_answer says why. Once mended, start the workflow redeliver.`,
      details: { failed, refused },
    });
  }

  function withDestination<Result>(account: Account, work: (http: Http) => Promise<Result>): Promise<Result> {
    const call = { vendor: destinationNamed(account.vendor), account, place: `deliveries to ${account.name}` };
    return withVendor({ gate, redact, config }, call, work);
  }
}

function destinationNamed(name: string) {
  const found = destinations.find((destination) => destination.name === name);
  if (found === undefined)
    throw invalidInput(
      `unknown destination "${name}": there are ${destinations.map((known) => known.name).join(", ")}`,
    );
  return found;
}

const ledgerOf = (account: Account) => ({ client: account.client, destination: account.vendor as Destination });

const keysOf = (account: Account) => ({ secrets: account.secrets ?? {}, settings: account.settings });

const alertOf = ({ client, destination }: Ledger) => ({ client, area: "delivery", subject: destination });

/** The destination has read the request and refused it. */
function isDefinite({ kind }: ConnectorError): boolean {
  return kind !== "unavailable" && kind !== "malformed";
}

function countDeliveries({ client, destination }: Ledger, state: string, count: number): void {
  if (count > 0)
    metricMeter
      .createCounter("signal_room_deliveries", "conversions", "Conversions sent out, by what became of them")
      .add(count, { destination, client, state });
}
