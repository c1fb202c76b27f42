import { guardedBy } from "../shared/failures.ts";
import { finishSeat } from "./finish-seat.ts";
import { planSeats, type PlanSeatsInput } from "./plan-seats.ts";
import { pullCreatives } from "./pull-creatives.ts";
import { pullSeats } from "./pull-seats.ts";
import type { PageOfSeat, ReadingOfSeat, SeatsContext } from "./shapes.ts";

/** The seats and creatives that an exchange lists. */
export function createSeatActivities(context: SeatsContext) {
  const guarded = guardedBy(context.redact);
  return {
    planSeats: (input: PlanSeatsInput) => guarded("seats", () => planSeats(context, input)),
    pullSeats: (of: { client: string }) => pullSeats(context, of),
    pullCreatives: (page: PageOfSeat) => pullCreatives(context, page),
    finishSeat: (reading: ReadingOfSeat & { isSecond: boolean; activeCreatives?: number | null }) =>
      guarded(`seat ${reading.buyerId}`, () => finishSeat(context, reading)),
  };
}

export type SeatActivities = ReturnType<typeof createSeatActivities>;
