import { z } from "zod";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { exchange, exchangeAccount, type SeatsContext } from "./shapes.ts";

const shape = z.object({ client: z.string().optional(), buyerId: z.string().min(1).max(128).optional() });

export interface PlanSeatsInput {
  input: unknown;
  /** Whether a seat may be named. */
  takesSeat: boolean;
}

/** Whose seats are read, at which vendor; input that a person typed is checked here. */
export function planSeats(
  context: SeatsContext,
  { input, takesSeat }: PlanSeatsInput,
): Promise<{ client: string; buyerId: string | null; vendor: string }> {
  const { client: named, buyerId } = checkedInput(takesSeat ? shape : shape.omit({ buyerId: true }), input) as z.output<
    typeof shape
  >;
  const client = clientNamed(context.config, named);
  exchangeAccount(context, client);
  return Promise.resolve({ client, buyerId: buyerId ?? null, vendor: exchange.name });
}
