import { mkdirSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { KnownOffer, KnownOffers } from "../../../queries/promo/catalog.ts";
import type { Event, Outcome } from "../../../rules/promo/events.ts";
import { withinMs } from "../../../core/deadline.ts";

/** What is older is looked up again, while those who ask get what is known. */
const freshMs = 5_000;
/** While the database does not answer it is asked this often, so that what is new is known as soon as it is back. */
const retryMs = 500;
/** How long somebody who names what is unknown waits to learn whether it is new. */
const patienceMs = 30;
/** Who cannot be sent on loses nothing by waiting for a certain answer. */
const slugPatienceMs = 300;
const changePatienceMs = 1_000;
const askAgainMs = 250;

/**
 * Offers and variations in memory, so that a redirect never waits for the database. They lie in a file, too: a process that
 * starts while the database is away knows them.
 */
export class Catalog {
  readonly #read: () => Promise<KnownOffers>;
  readonly #file: string;
  #slugs = new Map<string, KnownOffer>();
  #offers = new Map<number, KnownOffer>();
  #offerOf = new Map<number, number>();
  #text = "";
  #readAt = -Infinity;
  #askedAt = -Infinity;
  /** When the database last said which offers there are. */
  #saidAt = -Infinity;
  #isAnswering = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #reading: Promise<void> | null = null;

  constructor({ read, folder }: { read: () => Promise<KnownOffers>; folder: string }) {
    this.#read = read;
    this.#file = path.join(folder, "offers.json");
    try {
      this.#keep(readFileSync(this.#file, "utf8"));
    } catch {
      // None yet, or none that can be read: the database has them all.
    }
  }

  /** Reads them from now on without anybody asking. Resolves after the first time, whatever came of it. */
  async start(): Promise<void> {
    await this.#refresh();
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.start(), this.#isAnswering ? freshMs : retryMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Null where the database said a moment ago that there is none; undefined where it does not answer. */
  async offerOfSlug(slug: string): Promise<KnownOffer | null | undefined> {
    const asked = performance.now();
    void this.touch();
    const find = () => this.#slugs.get(slug);
    const found = find() ?? (await this.#orNew(find, slugPatienceMs));
    return found ?? (this.#saidAt > asked - askAgainMs ? null : undefined);
  }

  /** The offer of a variation, also of one that was made a moment ago. */
  async offerOf(variationId: number): Promise<KnownOffer | undefined> {
    return this.known(variationId) ?? (await this.#orNew(() => this.known(variationId)));
  }

  /** The same, as far as it is known here. */
  known(variationId: number): KnownOffer | undefined {
    return this.#offers.get(this.#offerOf.get(variationId) ?? -1);
  }

  /** What is certainly wrong with an event; what is not known here may be new, and is looked up when it is counted. */
  problemOf(event: Event): Outcome | null {
    const offer = this.known(event.variation_id);
    if (offer === undefined || event.kind === "click" || offer.id === event.offer_id) return null;
    return this.#offers.get(event.offer_id)?.client === offer.client ? "wrong_offer" : "unknown_offer";
  }

  /** Reads it again where it is not fresh; no caller waits for it. */
  async touch(): Promise<void> {
    if (performance.now() - this.#readAt > freshMs) await this.#refresh();
  }

  /** After a change: what was being read may have been read before it. */
  async learn(): Promise<void> {
    const anew = (this.#reading ?? Promise.resolve()).then(() => this.#refresh());
    await withinMs(changePatienceMs, anew).catch(() => undefined);
  }

  /** Events were counted: where they name what is not known here, their links are about to be followed. */
  lookFor(events: readonly Pick<Event, "variation_id">[]): void {
    if (events.some((event) => this.known(event.variation_id) === undefined)) void this.#ask();
  }

  /** Something that was made a moment ago is found. */
  async #orNew<Found>(find: () => Found | undefined, waitMs = patienceMs): Promise<Found | undefined> {
    await withinMs(waitMs, this.#ask()).catch(() => undefined);
    return find();
  }

  /** Something that is made up costs the database four questions a second. */
  #ask(): Promise<void> {
    const now = performance.now();
    if (this.#reading === null && now - this.#askedAt < askAgainMs) return Promise.resolve();
    this.#askedAt = now;
    return this.#refresh();
  }

  #refresh(): Promise<void> {
    this.#reading ??= this.#read()
      .then((known) => this.#said(JSON.stringify(known)))
      .catch(() => void (this.#isAnswering = false))
      .finally(() => (this.#reading = null));
    // Also when it failed: those who come are not to ask again and again.
    this.#readAt = performance.now();
    return this.#reading;
  }

  async #said(text: string): Promise<void> {
    this.#saidAt = performance.now();
    this.#isAnswering = true;
    if (text === this.#text) return;
    this.#keep(text);
    // Beside and then in place: half a file would be none. Without it only a start without a database knows less.
    const beside = `${this.#file}.${process.pid}`;
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      await writeFile(beside, text, { mode: 0o600 });
      await rename(beside, this.#file);
    } catch {
      return;
    }
  }

  #keep(text: string): void {
    const { offers, variations } = JSON.parse(text) as KnownOffers;
    this.#offers = new Map(offers.map((offer) => [offer.id, offer]));
    this.#slugs = new Map(offers.map((offer) => [offer.slug, offer]));
    this.#offerOf = new Map(variations.map(({ id, offerId }) => [id, offerId]));
    this.#text = text;
  }
}
