/** Settings by name, as the process was given them. */
export type Env = Record<string, string | undefined>;

/** Reads a setting of one client: its own, or, for what may be shared, the one without a suffix. */
export type ReadSetting = (name: string, client: string, scope: "own" | "shared") => string | undefined;
