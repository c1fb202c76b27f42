import { activityInfo } from "@temporalio/activity";
import { addDays, dayAt, startOfDay } from "../../core/days.ts";
import { settingName } from "../../core/setting-name.ts";
import { personsGoTo } from "../../rules/conversions/person-destinations.ts";
import type { Account } from "../../settings/config.ts";
import { partByAge } from "../../connectors/destinations/destination.ts";
import type { Settled } from "../../connectors/destinations/outgoing.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import { countFailed, holdDeliveries } from "../../queries/conversions/age-deliveries.ts";
import { readIdentities } from "../../queries/conversions/delivery-identities.ts";
import type { Ledger } from "../../queries/conversions/delivery-ledger.ts";
import { claimBatch, returnBatch, settleDeliveries, type Claimed } from "../../queries/conversions/send-deliveries.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { countDeliveries } from "./count-deliveries.ts";
import {
  accountOf,
  alertOf,
  destinationNamed,
  keysOf,
  ledgerOf,
  nowAt,
  routingFor,
  type DeliveryContext,
} from "./delivery-context.ts";
import type { BatchResult, SendBatchInput } from "./delivery-shapes.ts";
import { withDestination } from "./with-destination.ts";

const mostNamed = 20;

/** Sends one batch and writes down what became of each conversion, as soon as it is known. */
export async function sendBatch(context: DeliveryContext, input: SendBatchInput): Promise<BatchResult> {
  const { database, redact, config } = context;
  const { claim } = input;
  const account = accountOf(config, input);
  const ledger = ledgerOf(account);
  const limit = destinationNamed(ledger.destination).mostAtOnce;
  return withDestination(context, account, async (http) => {
    const claimed = await claimBatch(database, ledger, { claim, limit, routing: routingFor(account) });
    const result: BatchResult = {
      taken: claimed.length,
      delivered: 0,
      failed: 0,
      expired: 0,
      refused: [],
      heldUntil: null,
      more: claimed.length === limit || activityInfo().attempt > 1,
    };
    const onSettled = (settled: Settled[]) => settle(context, ledger, settled, result);
    try {
      await send(context, account, { http, claimed, onSettled });
    } catch (error) {
      if (!(error instanceof ConnectorError) || !isDefinite(error)) throw error;
      // A clear refusal: nothing of the rest has arrived, except what an earlier attempt may have sent.
      const certain = claimed.filter(({ uncertain }) => !uncertain).map(({ conversionKey }) => conversionKey);
      await returnBatch(database, ledger, { claim, certain, answer: redact(error.message) });
      if (error.kind !== "quota_spent") throw error;
      result.heldUntil = (await holdUntilMidnight(context, account, error)).toISOString();
      result.more = false;
    }
    if (result.failed > 0) await alertOfRefusals(context, ledger, result.refused);
    if (result.delivered > 0) {
      const fixed = (await countFailed(database, ledger)) === 0 ? ["delivery_refused"] : [];
      await settleAlerts(database, {
        ...alertOf(ledger),
        kinds: ["delivery_blocked", "delivery_held", ...fixed],
        notes: "conversions are delivered again",
      });
    }
    return result;
  });
}

async function settle(
  { database, redact, config }: DeliveryContext,
  ledger: Ledger,
  settled: Settled[],
  result: BatchResult,
): Promise<void> {
  const clean = settled.map((one) => ({ ...one, answer: redact(one.answer) }));
  await settleDeliveries(database, ledger, clean, {
    sentTo: personsGoTo(config.accounts, ledger.client),
  });
  for (const { conversionKey, state } of settled) {
    result[state] += 1;
    if (state === "failed" && result.refused.length < mostNamed) result.refused.push(conversionKey);
  }
  for (const state of ["delivered", "failed", "expired"] as const)
    countDeliveries(ledger, state, settled.filter((one) => one.state === state).length);
}

async function send(
  { database, config }: DeliveryContext,
  account: Account,
  { http, claimed, onSettled }: { http: Http; claimed: Claimed[]; onSettled: (settled: Settled[]) => Promise<void> },
): Promise<void> {
  const destination = destinationNamed(account.vendor);
  const gone = claimed.filter(({ deliverable }) => !deliverable);
  if (gone.length > 0)
    await onSettled(
      gone.map(({ conversionKey }) => ({
        conversionKey,
        state: "failed",
        answer: "not sent: no longer approved by its feed, charged back, or of a feed or type that is not sent here",
      })),
    );
  // A batch that is tried again may have waited for hours since it was planned.
  const { inTime: conversions, expired } = partByAge(
    claimed.filter(({ deliverable }) => deliverable),
    { now: await nowAt(database, account), ageLimitMs: destination.ageLimitMs },
  );
  if (expired.length > 0) await onSettled(expired);
  if (conversions.length === 0) return;
  // In the clear in here only, and only for as long as the request takes.
  const identities = destination.takesPersons
    ? await readIdentities(database, config.identityKey, account.client, conversions)
    : new Map<string, never>();
  await destination.send({ http, ...keysOf(account), conversions, identities, onSettled });
}

/** The destination has read the request and refused it. */
function isDefinite({ kind }: ConnectorError): boolean {
  return kind !== "unavailable" && kind !== "malformed";
}

async function holdUntilMidnight(
  { database, redact }: DeliveryContext,
  account: Account,
  error: ConnectorError,
): Promise<Date> {
  const ledger = ledgerOf(account);
  const zone = account.settings[settingName(account.vendor, "TIMEZONE")] ?? "UTC";
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

async function alertOfRefusals({ database }: DeliveryContext, ledger: Ledger, refused: string[]): Promise<void> {
  const failed = await countFailed(database, ledger);
  await raiseAlert(database, {
    ...alertOf(ledger),
    kind: "delivery_refused",
    severity: "warning",
    message: `${ledger.destination} did not take ${failed} conversions, the latest of them ${refused.slice(0, 5).join(", ")}: ops.deliveries.last_answer says why. Once the reason is gone, start the workflow redeliver.`,
    details: { failed, refused },
  });
}
