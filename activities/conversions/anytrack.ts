import type { TrackConversionInput, Tracked } from "../../rules/conversions/anytrack-tracking.ts";
import { tellConversion, type AnytrackContext } from "./tell-conversion.ts";

/** Tracking AnyTrack of conversions. */
export function createAnytrackActivities(context: AnytrackContext) {
  return {
    tellConversion: (input: TrackConversionInput): Promise<Tracked> => tellConversion(context, input),
  };
}
