import { countRefusals, type Refused } from "../../../queries/promo/refusals.ts";
import { raiseAlert } from "../../../queries/ops/alerts.ts";
import type { Queryable } from "../../../schema/database.ts";

const flushAfterMs = 1_000;
/** Callers counted apart between two flushes; the others are counted together. */
const mostCallers = 1_000;
const others = "others";

/** Events that were refused because their caller sends too many: counted here, and in the database soon after. */
export class Refusals {
  readonly #database: Queryable;
  readonly #flushAfterMs: number;
  #counts = new Map<string, Refused>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ database, afterMs = flushAfterMs }: { database: Queryable; afterMs?: number }) {
    this.#database = database;
    this.#flushAfterMs = afterMs;
  }

  add(refused: Omit<Refused, "refused">): void {
    this.#count({ ...refused, refused: 1 });
    this.#later();
  }

  /** What cannot be stored now is stored with what comes next. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#counts.size === 0) return;
    const taken = this.#counts;
    this.#counts = new Map();
    try {
      for (const today of await countRefusals(this.#database, [...taken.values()]))
        await raiseAlert(this.#database, alertOf(today));
    } catch {
      for (const count of taken.values()) this.#count(count);
      this.#later();
    }
  }

  #count(more: Refused): void {
    const caller = this.#counts.size < mostCallers ? more.caller : others;
    const key = JSON.stringify([more.client, more.kind, caller]);
    const count = this.#counts.get(key) ?? { ...more, caller, refused: 0 };
    this.#counts.set(key, { ...count, refused: count.refused + more.refused });
  }

  #later(): void {
    this.#timer ??= setTimeout(() => void this.flush(), this.#flushAfterMs);
    this.#timer.unref();
  }
}

function alertOf({ client, kind, caller, refused }: Refused) {
  const plural = refused === 1 ? kind : `${kind}s`;
  const setting = kind === "click" ? "PROMO_CLICKS_PER_MINUTE" : "PROMO_IMPRESSIONS_PER_MINUTE";
  return {
    client,
    area: "promo",
    kind: "events_refused",
    subject: `${kind}s of ${caller}`,
    severity: "warning" as const,
    message: `Not counted today: ${refused} ${plural} of ${caller}, who sends more than ${setting} allows`,
    details: { kind, caller, refused },
  };
}
