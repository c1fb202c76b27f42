import Big from "big.js";
import { amountText, DaySums, type DayRecord, type Part } from "./day-sums.ts";
import type { CampaignTraits, CampaignWindow, Cell } from "./opportunity-cells.ts";

/** A creative in a campaign; one in two campaigns is there twice, and counts in both. */
export interface Member {
  campaignId: number;
  creativeId: number;
  /** Empty where it is not known. */
  size: string;
  format: string | null;
}

export interface CampaignFacts {
  campaignId: number;
  genre: string | null;
  sizes: string[];
}

/** The window, and on how many of its days there is anything. */
export interface SummedWindow extends CampaignWindow {
  days: number;
}

/** One that has records, and where its sums are. */
type Shown = Member & { part: number };

interface Creative {
  /** Null until it has a record. */
  part: number | null;
  campaigns: Campaign[];
}

interface Campaign {
  id: number;
  /** Parts of `geographies`, by the geography's place. */
  parts: (number | undefined)[];
}

/** Takes what happened record by record, in any order, and sums it up by every part of a campaign that is looked at. */
export class WindowSums {
  readonly #members: readonly Member[];
  readonly #campaigns = new Map<number, Campaign>();
  readonly #known = new Map<number, Creative>();
  readonly #creatives = new DaySums();
  readonly #geographies = new DaySums();
  readonly #geographyNames: string[] = [];
  readonly #geographyPlaces = new Map<string, number>();

  constructor(members: readonly Member[]) {
    this.#members = members;
    for (const { campaignId, creativeId } of members) {
      const campaign = this.#campaigns.get(campaignId) ?? { id: campaignId, parts: [] };
      this.#campaigns.set(campaignId, campaign);
      const creative = this.#known.get(creativeId) ?? { part: null, campaigns: [] };
      this.#known.set(creativeId, creative);
      creative.campaigns.push(campaign);
    }
  }

  /** The place of a geography, by which records name it. */
  placeOf(geography: string): number {
    const known = this.#geographyPlaces.get(geography);
    if (known !== undefined) return known;
    this.#geographyPlaces.set(geography, this.#geographyNames.length);
    this.#geographyNames.push(geography);
    return this.#geographyNames.length - 1;
  }

  add(creativeId: number, geography: number, record: DayRecord): void {
    const creative = this.#known.get(creativeId);
    if (creative === undefined) return;
    creative.part ??= this.#creatives.addPart();
    this.#creatives.add(creative.part, record);
    for (const { parts } of creative.campaigns)
      this.#geographies.add((parts[geography] ??= this.#geographies.addPart()), record);
  }

  /** Everything there is to judge, and on how many days anything happened. */
  window(facts: readonly CampaignFacts[]): SummedWindow {
    const shown = this.#members.flatMap((member) => {
      const part = this.#known.get(member.creativeId)?.part ?? null;
      return part === null ? [] : [{ ...member, part }];
    });
    const wholes = this.#sumBy(shown, ({ campaignId }) => campaignId);
    const sizes = this.#sumBy(shown, ({ campaignId, size }) => `${campaignId} ${size}`);
    const everything = new DaySums();
    const all = everything.addPart();
    for (const { part } of wholes.parts.values()) everything.addAll(all, wholes.sums, part);
    const cellOf = (campaignId: number, subject: string, of: Part): Cell => ({
      ...{ campaignId, subject, own: of.sums.sumsOf(of.part) },
      rest: wholes.sums.restOf(wholes.parts.get(campaignId)?.part ?? 0, of),
    });
    const geography = [...this.#campaigns.values()].flatMap(({ id, parts }) =>
      parts.flatMap((part, place) =>
        part === undefined ? [] : [cellOf(id, this.#geographyNames[place] ?? "", { sums: this.#geographies, part })],
      ),
    );
    const cells = {
      geography,
      creative: shown.map(({ campaignId, creativeId, part }) =>
        cellOf(campaignId, String(creativeId), { sums: this.#creatives, part }),
      ),
      size: [...sizes.parts.values()].map(({ of: { campaignId, size }, part }) =>
        cellOf(campaignId, size, { sums: sizes.sums, part }),
      ),
      campaign: [...wholes.parts.values()].map(({ of: { campaignId }, part }) => {
        const own: Part = { sums: wholes.sums, part };
        return { campaignId, subject: "", own: wholes.sums.sumsOf(part), rest: everything.restOf(all, own) };
      }),
    };
    return { traits: this.#traits(facts, shown), cells, days: this.#creatives.countDays() };
  }

  /** Sums over creatives that have a name in common. */
  #sumBy<Name>(shown: readonly Shown[], nameOf: (member: Shown) => Name) {
    const sums = new DaySums();
    const parts = new Map<Name, { of: Shown; part: number }>();
    for (const member of shown) {
      const name = nameOf(member);
      const found = parts.get(name) ?? { of: member, part: sums.addPart() };
      parts.set(name, found);
      sums.addAll(found.part, this.#creatives, member.part);
    }
    return { sums, parts };
  }

  #traits(facts: readonly CampaignFacts[], shown: readonly Shown[]): Map<number, CampaignTraits> {
    const formats = this.#sumBy(
      shown.filter(({ format }) => format !== null),
      ({ campaignId, format }) => `${campaignId} ${format ?? ""}`,
    );
    const most = new Map<number, { format: string; spend: Big }>();
    for (const { of, part } of formats.parts.values()) {
      const own = { format: of.format ?? "", spend: new Big(amountText(formats.sums.amountOf(part))) };
      const known = most.get(of.campaignId);
      const order = known === undefined ? 1 : own.spend.cmp(known.spend);
      if (order > 0 || (order === 0 && own.format < (known?.format ?? ""))) most.set(of.campaignId, own);
    }
    return new Map(
      facts.map(({ campaignId, genre, sizes }) => [
        campaignId,
        { genre, format: most.get(campaignId)?.format ?? null, sizes: new Set(sizes) },
      ]),
    );
  }
}
