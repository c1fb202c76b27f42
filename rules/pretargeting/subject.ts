import { countryNamed } from "../intelligence/country-name.ts";
import type { Wanted } from "./propose.ts";

/** What of a waste advice can be left out; the words are why not. */
export function wantedOfWaste({ by, value }: { by: string; value: string }): Wanted | string {
  switch (by) {
    case "country":
      return { act: "leave_out", by: "country", country: value };
    case "publisher":
      return { act: "leave_out", by: "publisher", publisherId: value };
    case "size": {
      const size = /^(\d{2,5})\s*[xX×]\s*(\d{2,5})$/.exec(value);
      if (size !== null)
        return { act: "leave_out", by: "size", sizes: [{ width: Number(size[1]), height: Number(size[2]) }] };
      if (/video|overlay/i.test(value)) return { act: "leave_out", by: "format", format: "VAST" };
      if (/native/i.test(value)) return { act: "leave_out", by: "format", format: "NATIVE" };
      return `${value} is no size that pretargeting knows`;
    }
    default:
      return "pretargeting knows no hours: let the bidder take fewer requests then";
  }
}

const nouns = { country: "country", publisher: "publisher", size: "size", format: "format" } as const;

/** What a plan was asked for, in a line, of one that was not computed so far that it has a title. */
export function askedText(of: { opportunityId: number | null; wanted: unknown }): string {
  if (of.opportunityId !== null) return `Let in what opportunity ${of.opportunityId} is about`;
  const { by, value } = of.wanted as { by: string; value: string };
  const wanted = wantedOfWaste({ by, value });
  if (typeof wanted !== "string") return titleOf(wanted);
  return by === "hour" && /^\d{1,2}$/.test(value)
    ? `Leave out the hour ${value.padStart(2, "0")}:00`
    : `Leave out the ${by} ${value}`;
}

/** What it does, in a line. */
export function titleOf(wanted: Wanted): string {
  const name =
    wanted.by === "country"
      ? countryNamed(wanted.country)
      : wanted.by === "publisher"
        ? wanted.publisherId
        : wanted.by === "format"
          ? wanted.format
          : wanted.sizes.map(({ width, height }) => `${width}x${height}`).join(", ");
  return wanted.act === "leave_out"
    ? `Leave out the ${nouns[wanted.by]} ${name}`
    : `Let in the ${nouns[wanted.by]} ${name}`;
}
