export const attributionModels = ["last_click", "first_click", "linear", "time_decay"] as const;
export type AttributionModel = (typeof attributionModels)[number];

/** How complete the journey of a conversion is, the most complete first. */
export const journeyStates = ["told", "clicks", "conversion", "unknown"] as const;
export type JourneyState = (typeof journeyStates)[number];
