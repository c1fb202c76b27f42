/** One partition's messages in memory. */
interface HeldReading {
  readonly bytes: number;
  readonly waitedMs: number;
  store(): Promise<void>;
}

/** All that a process has read and not stored: its bytes and its age have a limit. */
export class Held {
  readonly readings = new Set<HeldReading>();
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly limits: { bytes: number; ms: number }) {
    const lookMs = Math.max(100, Math.min(1_000, limits.ms / 4));
    this.#timer = setInterval(() => void this.#storeOld(), lookMs);
  }

  /** The largest first, until there is room again. */
  async storeWhenFull(): Promise<void> {
    while (this.#bytes() >= this.limits.bytes) {
      const [largest] = [...this.readings].sort((one, other) => other.bytes - one.bytes);
      if (largest === undefined) return;
      await largest.store();
    }
  }

  async storeAll(): Promise<void> {
    for (const reading of [...this.readings]) await reading.store();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #bytes(): number {
    let bytes = 0;
    for (const reading of this.readings) bytes += reading.bytes;
    return bytes;
  }

  async #storeOld(): Promise<void> {
    for (const reading of [...this.readings]) if (reading.waitedMs >= this.limits.ms) await reading.store();
  }
}
