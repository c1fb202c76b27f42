import type { z } from "zod";

/** What people read of a setting: it stands beside the setting's shape and becomes a line of docs/settings.md. */
export interface AboutSetting {
  /** One plain sentence. */
  description: string;
  /** What a number counts. */
  unit?: string;
  /** Which processes read it, where those are others than its area's. */
  needs?: string;
  /** What holds when it is not set and there is no plain default. */
  unset?: string;
  example?: string;
  /**
   * A client may have its own, with its id as a suffix. Without a suffix, one that is `own` is the first client's alone,
   * and one that is `shared` holds for all.
   */
  clients?: "own" | "shared";
  /** Never printed. */
  secret?: true;
  /** Of use with the sandbox and in tests alone. */
  forTests?: true;
}

/** For `.meta(...)`, which has to come last: what wraps a shape leaves its description behind. */
export function about(description: string, more: Omit<AboutSetting, "description"> = {}) {
  return { description, ...more } satisfies AboutSetting as AboutSetting & Record<string, unknown>;
}

/** Null when nobody has described it. */
export function aboutOf(schema: z.ZodType): AboutSetting | null {
  const said = schema.meta() as AboutSetting | undefined;
  return said?.description === undefined ? null : said;
}
