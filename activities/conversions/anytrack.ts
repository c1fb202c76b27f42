import type { TrackConversionInput, Tracked } from "../../rules/conversions/anytrack-tracking.ts";
import { tellConversion, type AnytrackContext } from "./tell-conversion.ts";

/** Sends conversions to AnyTrack. */
export function createAnytrackActivities(context: AnytrackContext) {
  return {
    tellConversion: (input: TrackConversionInput): Promise<Tracked> => tellConversion(context, input),
  };
}

/** What workflows may call. */
export type AnytrackActivities = ReturnType<typeof createAnytrackActivities>;
