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
