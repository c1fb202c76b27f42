import { cancellationSignal } from "@temporalio/activity";
import {
  collectBody,
  trackConversionBefore,
  trackingHash,
  type TrackConversionInput,
  type Tracked,
} from "../../rules/conversions/anytrack-tracking.ts";
import { originOf } from "../../core/origin.ts";
import { ownSetting } from "../../core/setting-name.ts";
import type { Config } from "../../settings/config.ts";
import type { Redact } from "../../core/redact.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import {
  beginTracking,
  endTracking,
  findTracked,
  type TrackedRow,
} from "../../queries/conversions/anytrack-tracking.ts";
import type { Database } from "../../schema/database.ts";
import { invalidInput, toFailure } from "../shared/failures.ts";
import { runOf } from "../shared/run-of.ts";
import { checkedInput } from "../shared/input.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { gatedHttp } from "../shared/with-vendor.ts";

export interface AnytrackContext {
  database: Database;
  config: Pick<Config, "anytrack" | "clients">;
  gate: RateGate;
  redact: Redact;
}

const answerLength = 500;
const collector = { name: "anytrack-collect" };
const pace = { intervalMs: 50, concurrent: 4 };
const limits = { totalTimeoutMs: 20_000, maxBytes: 65_536 };

/**
 * Sends one conversion to AnyTrack, once: the ledger records what was sent. Whether a request whose answer got lost
 * arrived is unknown; it is sent again under the same transaction id.
 */
export async function tellConversion(
  { database, config, gate, redact }: AnytrackContext,
  input: TrackConversionInput,
): Promise<Tracked> {
  const conversion = checkedInput(trackConversionBefore(new Date()), input);
  const client = conversion.client ?? config.clients[0] ?? "";
  const collect = config.anytrack.collect.get(client);
  const own = (name: string) => ownSetting(config.clients, name, client);
  if (collect === undefined)
    throw invalidInput(
      `client "${client}" has no AnyTrack integration: set ${own("ANYTRACK_ACCOUNT_ID")} and ${own("ANYTRACK_INTEGRATION")}`,
    );
  const trackingKey = conversion.orderId;
  const contentHash = trackingHash(conversion);
  const place = `anytrack order ${trackingKey}`;
  try {
    const { type, revenue, currency } = conversion;
    const begun = await beginTracking(database, {
      client,
      trackingKey,
      contentHash,
      type,
      revenue,
      currency,
      clickId: conversion.clickId ?? null,
      eventTime: conversion.eventTime ?? null,
      runId: runOf().runId,
      origin: originOf(collect),
    });
    if (begun === null) return earlier(await findTracked(database, { client, trackingKey }), contentHash, place);
    const account = {
      name: `anytrack-collect/${client}`,
      baseUrl: collect.baseUrl,
      pace,
      secrets: null,
      settings: {},
    };
    const signal = cancellationSignal();
    const http = gatedHttp({ gate, redact }, { vendor: collector, account }, { signal, anyAnswer: true, limits });
    const path = `/${encodeURIComponent(collect.accountId)}/collect/${encodeURIComponent(collect.integration)}`;
    const tracking = { client, trackingKey };
    const answer = await http
      .json({ method: "POST", path, body: collectBody(conversion) })
      .catch(async (error: unknown) => {
        if (error instanceof ConnectorError && (error.kind === "rejected" || error.kind === "unauthorized"))
          await endTracking(database, {
            ...tracking,
            state: "refused",
            answer: redact(error.message).slice(0, answerLength),
          });
        throw error;
      });
    const ended = await endTracking(database, {
      ...tracking,
      state: "sent",
      answer: redact(String(answer)).slice(0, answerLength),
    });
    return earlier(ended ?? (await findTracked(database, tracking)), contentHash, place);
  } catch (error) {
    throw toFailure(error, { place, redact });
  }
}

function earlier(row: TrackedRow | null, contentHash: string, place: string): Tracked {
  if (row === null || row.contentHash !== contentHash)
    throw invalidInput(`${place}: was sent with other content before; an order is sent once`);
  if (row.state !== "sent" || row.sentAt === null)
    throw new ConnectorError("unavailable", "is being sent by another run");
  return { trackingKey: row.trackingKey, contentHash, state: "sent", sentAt: row.sentAt.toISOString() };
}
