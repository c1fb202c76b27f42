import { createHmac, createSecretKey, randomBytes, type KeyObject } from "node:crypto";
import { openSealed, seal, type KeyRing } from "../../../core/crypto.ts";
import { deleteSecretsBefore, keepSecret, replaceSecret } from "../../../queries/promo/address-secrets.ts";
import type { Queryable } from "../../../schema/database.ts";

const context = "address secret";
const lookAgainMs = 600_000;
const tryAgainMs = 2_000;

interface Months {
  current: string;
  next: string;
  fromMs: number;
  untilMs: number;
}

/** The first day of a moment's month, and of the month after it. Every click asks, and months change seldom. */
function monthsAround(now: Date): Months {
  const nowMs = now.getTime();
  if (nowMs >= months.fromMs && nowMs < months.untilMs) return months;
  const first = (later: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later, 1);
  const [fromMs, untilMs] = [first(0), first(1)];
  const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return (months = { current: dayOf(fromMs), next: dayOf(untilMs), fromMs, untilMs });
}
let months: Months = { current: "", next: "", fromMs: 0, untilMs: 0 };

/**
 * Hashes addresses with the secret of their month, which all processes share. The next month's is had in advance, so that
 * no month begins without one; a month that is over loses its own, here and in the database.
 */
export class AddressHashes {
  readonly #database: Queryable;
  readonly #keys: KeyRing | null;
  readonly #now: () => Date;
  #secrets = new Map<string, KeyObject>();
  #lookAt = -Infinity;
  /** The month that was looked for last: when it is over, its secret goes at once. */
  #month = "";
  #looking: Promise<void> | null = null;

  /** Without a key to seal the secret with nothing is hashed: a secret in clear beside its hashes is none. */
  constructor(options: { database: Queryable; keys: KeyRing | null; now?: () => Date }) {
    this.#database = options.database;
    this.#keys = options.keys;
    this.#now = options.now ?? (() => new Date());
  }

  /** Whether addresses of this month can be hashed, or never will be. */
  get isReady(): boolean {
    return this.#keys === null || this.#secrets.has(monthsAround(this.#now()).current);
  }

  /** What is hashed together stays together: of two months or two subjects no hash is like another. */
  hash(subject: string, text: string): string | null {
    void this.lookAfter();
    const { current } = monthsAround(this.#now());
    const secret = this.#secrets.get(current);
    return secret === undefined ? null : createHmac("sha256", secret).update(`${subject}\n${text}`).digest("hex");
  }

  /** `2026-11`, in front of hashes that are compared later. */
  month(): string {
    return monthsAround(this.#now()).current.slice(0, 7);
  }

  /** Resolves when the month's secret is known, or cannot be had now. */
  lookAfter(): Promise<void> {
    const { current } = monthsAround(this.#now());
    const sinceMs = performance.now() - this.#lookAt;
    const isDue = this.#month !== current || sinceMs > (this.#secrets.has(current) ? lookAgainMs : tryAgainMs);
    if (this.#keys === null || this.#looking !== null || !isDue) return this.#looking ?? Promise.resolve();
    this.#lookAt = performance.now();
    this.#month = current;
    this.#looking = this.#look(this.#keys)
      .catch(() => undefined)
      .finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(keys: KeyRing): Promise<void> {
    const { current, next } = monthsAround(this.#now());
    for (const known of this.#secrets.keys()) if (known < current) this.#secrets.delete(known);
    for (const month of [current, next])
      if (!this.#secrets.has(month)) this.#secrets.set(month, createSecretKey(await this.#secretOf(keys, month)));
    await deleteSecretsBefore(this.#database, current);
  }

  async #secretOf(keys: KeyRing, month: string): Promise<Buffer> {
    const sealed = seal(keys, randomBytes(32), `${context} ${month}`);
    const kept = await keepSecret(this.#database, { month, sealed });
    try {
      return openSealed(keys, kept, `${context} ${month}`);
    } catch {
      // Its key is gone: repeats from before are no longer recognised, and nothing else is lost.
      await replaceSecret(this.#database, { month, unreadable: kept, sealed });
      return openSealed(keys, await keepSecret(this.#database, { month, sealed }), `${context} ${month}`);
    }
  }
}
