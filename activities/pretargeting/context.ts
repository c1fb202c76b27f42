import { openExchange, type Exchange } from "../../connectors/exchanges/authorized-buyers.ts";
import { z } from "zod";
import type { Config } from "../../settings/config.ts";
import { exchange, exchangeAccount, type SeatsContext } from "../rtb/shapes.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { withVendor } from "../shared/with-vendor.ts";

/** What the activities of pretargeting need. */
export interface PretargetingContext extends SeatsContext {
  config: SeatsContext["config"] & Pick<Config, "pretargeting" | "ingest">;
}

export interface PlanOf {
  client: string;
  planId: number;
}

const planShape = z.object({ client: z.string(), planId: z.int().positive() });
const applyShape = planShape.extend({ digest: z.string().max(100), warningVersion: z.int() });

/** Whose plan it is, of input that a person may have typed. */
export function checkedPlan({ config }: PretargetingContext, input: unknown, isApplied = false): PlanOf {
  const { client, planId } = checkedInput(isApplied ? applyShape : planShape, input) as PlanOf;
  return { client: clientNamed(config, client), planId };
}

export const placeOf = ({ planId }: PlanOf) => `pretargeting plan ${planId}`;
/** Of alerts and of the audit log. */
export const subjectOf = ({ planId }: PlanOf) => `pretargeting/${planId}`;

export interface Turns {
  exchange: Exchange;
  /** Gives the account's turn back, so that the next request waits for another. */
  release: () => Promise<void>;
}

/**
 * Asks the exchange, with one turn of the account's gate for all requests up to `release`: between a look and the write that
 * follows from it lies as little time as can be, since the exchange has no version that a write could name. Each request is
 * sent once: a second try would not know what became of the first.
 */
export function inTurns<Result>(
  context: PretargetingContext,
  of: PlanOf,
  work: (turns: Turns) => Promise<Result>,
): Promise<Result> {
  const account = exchangeAccount(context, of.client);
  const held = heldTurns(context.gate);
  const limits = {
    connectAttempts: 1,
    totalTimeoutMs: context.config.pretargeting.answerSeconds * 1_000,
  };
  return withVendor(
    { ...context, gate: held.gate },
    { vendor: exchange, account, place: placeOf(of), limits },
    async (http) => {
      try {
        const opened = openExchange(http, account.secrets, () => new Date());
        return await work({ exchange: opened, release: held.release });
      } finally {
        await held.release();
      }
    },
  );
}

function heldTurns(gate: RateGate): { gate: RateGate; release: () => Promise<void> } {
  let end: ((outcome: { waitMs: number | null }) => Promise<void>) | null = null;
  let longest: number | null = null;
  return {
    gate: {
      turn: async (account, options) => {
        end ??= await gate.turn(account, options);
        return ({ waitMs }) => {
          if (waitMs !== null) longest = Math.max(longest ?? 0, waitMs);
          return Promise.resolve();
        };
      },
    },
    release: async () => {
      const [ending, waitMs] = [end, longest];
      [end, longest] = [null, null];
      await ending?.({ waitMs });
    },
  };
}
