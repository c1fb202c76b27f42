import { z } from "zod";

/** What answers of every area are made of. */
export const instant = z.string().describe("an instant in UTC, ISO 8601");
export const money = z.string().describe("a decimal, rounded to the cent");
export const number = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
