import { chance } from "./chance.ts";

/** How many calls an account may make in one calendar minute or second; null lifts that limit. */
export interface Limits {
  perMinute: number | null;
  perSecond: number | null;
  /** In any ten seconds, rolling as HubSpot's are; only for a vendor that has such a limit. */
  perTenSeconds?: number | null;
  /** Some calls use two of the minute's calls, as measured at RedTrack. */
  countTwice: boolean;
  /** How many calls may be under way at a time; absent and null lift that limit. */
  concurrent?: number | null;
}

export interface Usage {
  admitted: boolean;
  limits: Limits;
  remainingThisMinute: number;
  remainingThisSecond: number;
  secondsToNextMinute: number;
  /** For a refused call: until the window that is full ends. */
  retryAfterSeconds: number;
  /** For a refused call: the window that is full. */
  full: "minute" | "second" | "ten_seconds" | null;
}

interface Account {
  calls: number;
  minute: number;
  usedThisMinute: number;
  second: number;
  usedThisSecond: number;
  /** When the calls of the last ten seconds came. */
  recent: number[];
  underWay: number;
}

export interface Limiter {
  limits(): Limits;
  set(change: Partial<Limits>): void;
  /** Counts a call unless a window is full; a refused call is not counted. */
  admit(account: string, nowMs: number, isConcurrent?: boolean): Usage;
  /** Ends a call that was admitted as one of those under way. */
  release(account: string): void;
}

export function createLimiter(start: Limits): Limiter {
  let limits = start;
  const accounts = new Map<string, Account>();

  function accountAt(name: string, nowMs: number): Account {
    const account = accounts.get(name) ?? {
      calls: 0,
      minute: 0,
      usedThisMinute: 0,
      second: 0,
      usedThisSecond: 0,
      recent: [],
      underWay: 0,
    };
    accounts.set(name, account);
    const second = Math.floor(nowMs / 1_000);
    const minute = Math.floor(nowMs / 60_000);
    account.recent = account.recent.filter((calledAt) => calledAt > nowMs - 10_000);
    if (account.second !== second) Object.assign(account, { second, usedThisSecond: 0 });
    if (account.minute !== minute) Object.assign(account, { minute, usedThisMinute: 0 });
    return account;
  }

  return {
    limits: () => limits,
    set: (change) => {
      limits = { ...limits, ...change };
      accounts.clear();
    },
    admit: (name, nowMs, isConcurrent = false) => {
      const account = accountAt(name, nowMs);
      const minuteIsFull = limits.perMinute !== null && account.usedThisMinute >= limits.perMinute;
      const secondIsFull = limits.perSecond !== null && account.usedThisSecond >= limits.perSecond;
      const perTenSeconds = limits.perTenSeconds ?? null;
      const tenAreFull = perTenSeconds !== null && account.recent.length >= perTenSeconds;
      const isCrowded = isConcurrent && limits.concurrent != null && account.underWay >= limits.concurrent;
      const full = minuteIsFull ? "minute" : tenAreFull ? "ten_seconds" : secondIsFull || isCrowded ? "second" : null;
      const admitted = full === null;
      if (admitted) {
        if (isConcurrent) account.underWay += 1;
        account.calls += 1;
        if (perTenSeconds !== null) account.recent.push(nowMs);
        account.usedThisSecond += 1;
        account.usedThisMinute += limits.countTwice && chance(name, account.calls) < 0.5 ? 2 : 1;
      }
      const secondsToNextMinute = Math.ceil((60_000 - (nowMs % 60_000)) / 1_000);
      return {
        admitted,
        limits,
        remainingThisMinute: Math.max(0, (limits.perMinute ?? Infinity) - account.usedThisMinute),
        remainingThisSecond: Math.max(0, (limits.perSecond ?? Infinity) - account.usedThisSecond),
        secondsToNextMinute,
        retryAfterSeconds: minuteIsFull
          ? secondsToNextMinute
          : tenAreFull
            ? Math.ceil(((account.recent[0] ?? nowMs) + 10_000 - nowMs) / 1_000)
            : 1,
        full,
      };
    },
    release: (name) => {
      const account = accounts.get(name);
      // New limits begin with nothing under way, whatever is still being answered.
      if (account !== undefined) account.underWay = Math.max(0, account.underWay - 1);
    },
  };
}

export const noLimits: Limits = {
  perMinute: null,
  perSecond: null,
  perTenSeconds: null,
  countTwice: false,
  concurrent: null,
};

/**
 * Reads a setting such as "20/minute", "60/minute,none/second,once" or "none". What it leaves out stays as the vendor
 * documents it; "once" and "twice" say whether some calls count double.
 */
export function parseLimits(text: string): Partial<Limits> {
  if (text.trim() === "none") return { ...noLimits };
  const limits: Partial<Limits> = {};
  const windows = {
    minute: "perMinute",
    second: "perSecond",
    "10s": "perTenSeconds",
    concurrent: "concurrent",
  } as const;
  for (const part of text.split(",").map((one) => one.trim())) {
    const match = /^(none|[1-9]\d*)\/(minute|second|10s|concurrent)$/.exec(part);
    if (match !== null) {
      limits[windows[match[2] as keyof typeof windows]] = match[1] === "none" ? null : Number(match[1]);
    } else if (part === "once" || part === "twice") {
      limits.countTwice = part === "twice";
    } else {
      throw new RangeError(
        `not a limit: "${part}". Use none, 20/minute, 2/second, 100/10s, none/second, 10/concurrent, once, twice`,
      );
    }
  }
  return limits;
}
