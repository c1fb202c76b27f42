import type { z } from "zod";
import type { details, evidence, finding, last, totals } from "../../api/findings/shapes.ts";

/** What the JSON routes answer. */
export type Finding = z.infer<typeof finding>;
export type FindingDetails = z.infer<typeof details>;
export type Evidence = z.infer<typeof evidence>;
export type FindingTotals = z.infer<typeof totals>;
export type LastSearch = z.infer<typeof last>;

export const findings = "/api/v1/findings";
