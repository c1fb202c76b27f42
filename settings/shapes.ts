import { z } from "zod";

/** Settings by name, as the process was given them. */
export type Env = Record<string, string | undefined>;

/** Settings that belong together: a chapter of docs/settings.md. */
export interface Area<Shape extends z.ZodObject = z.ZodObject> {
  title: string;
  /** Which processes read them. */
  needs: string;
  shape: Shape;
}

export function defineArea<Shape extends z.ZodObject>(area: Area<Shape>): Area<Shape> {
  return area;
}

export const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

export const port = z.coerce.number().int().min(0).max(65_535);

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER) {
  const error = `must be a whole number${most === Number.MAX_SAFE_INTEGER ? `, at least ${least}` : ` from ${least} to ${most}`}`;
  return z.coerce.number({ error }).int(error).min(least, error).max(most, error);
}

export const onOff = z.enum(["on", "off"], { error: "must be on or off" });

export const address = z.string().refine((text) => URL.canParse(text), "must be an address");

/** Of an address as URL reads it: what is sent there in clear does not leave this machine. */
export const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
